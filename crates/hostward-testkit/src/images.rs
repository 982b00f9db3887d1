//! busybox, python:3.11 and hostward/caller, made and not pulled.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::catalog::{Catalog, Part};
use crate::command::{run, stdout_of};
use crate::engine::{Engine, plugins_in};
use crate::error::{Error, Result, doing};
use crate::mounts::unmount_below;
use crate::{debian, paths, say};

/// Raise it when what is made here changes: caches and images of an older recipe are made anew.
const RECIPE: u32 = 1;
const RECIPE_LABEL: &str = "hostward-recipe";

/// The small image.
pub const BUSYBOX: &str = "busybox";
/// Python as the main case uses it.
pub const PYTHON: &str = "python:3.11";
/// Python plus the engine's docker CLI with compose and buildx: what container 1 runs.
pub const CALLER: &str = "hostward/caller";

/// Debian as it is installed, with no Rust: where packages are tried. Only [`prepare_debian`] makes it.
pub const DEBIAN: &str = "hostward/debian";

const PATH: &str = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the images that an engine does not have.
pub fn prepare(catalog: &Catalog, engine: &Engine) -> Result<()> {
    let recipe = RECIPE.to_string();
    if !has(engine, BUSYBOX, &recipe) {
        import(engine, &busybox_tar(catalog)?, BUSYBOX, "sh", &recipe)?;
    }
    if !has(engine, PYTHON, &recipe) {
        import(engine, &python_tar(catalog)?, PYTHON, "python3", &recipe)?;
    }
    if !has(engine, CALLER, &caller_recipe(engine)) {
        make_caller(engine)?;
    }
    Ok(())
}

/// Makes [`DEBIAN`] on an engine that does not have it. Takes a minute the first time on a machine.
pub fn prepare_debian(engine: &Engine) -> Result<()> {
    let recipe = RECIPE.to_string();
    if has(engine, DEBIAN, &recipe) {
        return Ok(());
    }
    let catalog = Catalog::load()?;
    let tar = cached("debian", &recipe, |folder| {
        say("building a Debian with debootstrap (a minute)");
        debootstrap(&catalog, &catalog.base.debian, folder)
    })?;
    import(engine, &tar, DEBIAN, "bash", &recipe)
}

/// Makes what takes long of the images, a root with Python. It needs no engine, so that one can be downloaded meanwhile.
pub fn bootstrap(catalog: &Catalog) -> Result<()> {
    python_tar(catalog).map(|_| ())
}

/// Whether the engine has the image of this recipe.
pub(crate) fn has(engine: &Engine, image: &str, recipe: &str) -> bool {
    let format = format!("{{{{index .Config.Labels \"{RECIPE_LABEL}\"}}}}");
    stdout_of(&mut engine.docker(&["image", "inspect", "--format", &format, image]))
        .is_ok_and(|found| found == recipe)
}

fn caller_recipe(engine: &Engine) -> String {
    format!("{RECIPE}{}", engine.cli.display())
}

/// Makes an image of a root's tar file.
pub(crate) fn import(engine: &Engine, tar: &Path, image: &str, program: &str, recipe: &str) -> Result<()> {
    say(format_args!("engine {}: importing {image}", engine.name));
    let command = format!("CMD [\"{program}\"]");
    let label = format!("LABEL {RECIPE_LABEL}={recipe}");
    run(engine.docker(&["import", "-c", &command, "-c", &label, "-c", PATH]).arg(tar).arg(image))?;
    Ok(())
}

/// python:3.11 with the engine's CLI in it. Its programs need libc 2.34, and bookworm's is 2.36.
fn make_caller(engine: &Engine) -> Result<()> {
    say(format_args!("engine {}: making {CALLER}", engine.name));
    let folder = tempfile::tempdir().map_err(doing("make a folder for the client"))?;
    let inside = Path::new("usr/libexec/docker/cli-plugins");
    let plugins = folder.path().join(inside);
    fs::create_dir_all(&plugins).map_err(doing("make a folder for CLI plugins"))?;
    fs::create_dir_all(folder.path().join("usr/bin")).map_err(doing("make a folder for the CLI"))?;
    copy(&engine.cli, &folder.path().join("usr/bin/docker"))?;
    for plugin in ["docker-compose", "docker-buildx"] {
        copy(&plugins_in(&engine.root).join(plugin), &plugins.join(plugin))?;
    }
    let container = stdout_of(&mut engine.docker(&["create", "--network=none", PYTHON]))?;
    let made = || {
        let source = format!("{}/.", folder.path().display());
        run(&mut engine.docker(&["cp", &source, &format!("{container}:/")]))?;
        let label = format!("LABEL {RECIPE_LABEL}=\"{}\"", caller_recipe(engine));
        let command = "CMD [\"sleep\",\"infinity\"]";
        save(engine, &container, &[command, &label], CALLER)
    };
    let outcome = made();
    run(&mut engine.docker(&["rm", "-f", &container]))?;
    outcome
}

/// Makes an image of a container.
fn save(engine: &Engine, container: &str, changes: &[&str], image: &str) -> Result<()> {
    let mut flags: Vec<&str> = changes.iter().flat_map(|change| ["-c", change]).collect();
    if !engine.is_podman() {
        run(engine.docker(&["commit"]).args(flags).args([container, image]))?;
        return Ok(());
    }
    // Podman 4.3 answers a commit by the docker CLI of 26 with "Decode(): EOF".
    flags.extend(["-c", PATH]);
    let tar = tempfile::NamedTempFile::new().map_err(doing("make a file for an image"))?;
    run(engine.docker(&["export", "-o"]).arg(tar.path()).arg(container))?;
    run(engine.docker(&["import"]).args(flags).arg(tar.path()).arg(image))?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(|_| ()).map_err(doing(format!("copy {}", from.display())))
}

/// The static program.
pub(crate) fn busybox(catalog: &Catalog) -> Result<PathBuf> {
    let root = paths::cache()?.join("base/root");
    let base = &catalog.base;
    let part = Part { suite: base.suite.clone(), packages: base.packages.clone() };
    debian::unpack("busybox", &[part], &root)?;
    let places = ["bin/busybox", "usr/bin/busybox"].map(|place| root.join(place));
    let found = places.into_iter().find(|place| place.exists());
    found.ok_or_else(|| Error::State(format!("no busybox in {}", root.display())))
}

pub(crate) fn busybox_tar(catalog: &Catalog) -> Result<PathBuf> {
    cached("busybox", &RECIPE.to_string(), |folder| {
        let program = busybox(catalog)?;
        for sub in ["bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr/bin", "var/log"] {
            fs::create_dir_all(folder.join(sub)).map_err(doing("make busybox's folders"))?;
        }
        let sticky = fs::Permissions::from_mode(0o1777);
        fs::set_permissions(folder.join("tmp"), sticky).map_err(doing("open busybox's /tmp"))?;
        for (file, text) in [
            ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
            ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
        ] {
            fs::write(folder.join(file), text).map_err(doing("write busybox's users"))?;
        }
        let busybox = folder.join("bin/busybox");
        copy(&program, &busybox)?;
        let link = |to: &str, at: &str| symlink(to, folder.join(at)).map_err(doing(format!("link {at}")));
        for applet in
            stdout_of(Command::new(&busybox).arg("--list"))?.lines().filter(|name| *name != "busybox")
        {
            link("busybox", &format!("bin/{applet}"))?;
        }
        link("../run", "var/run")?;
        link("/bin/env", "usr/bin/env")
    })
}

pub(crate) fn python_tar(catalog: &Catalog) -> Result<PathBuf> {
    cached("python-3.11", &RECIPE.to_string(), |folder| {
        say("building the python:3.11 image with debootstrap (a minute)");
        debootstrap(catalog, &catalog.base.python, folder)?;
        symlink("python3", folder.join("usr/bin/python")).map_err(doing("link python"))
    })
}

/// The same without what no program reads, for where each file costs.
pub(crate) fn small_python_tar(catalog: &Catalog) -> Result<PathBuf> {
    let whole = python_tar(catalog)?;
    cached("python-3.11-small", &RECIPE.to_string(), |folder| {
        let mut unpack = Command::new("tar");
        for unread in ["usr/share", "var/lib/dpkg", "var/cache", "usr/lib/apt", "usr/bin/perl*"] {
            unpack.arg(format!("--exclude=./{unread}"));
        }
        run(unpack.arg("--numeric-owner").arg("-xpf").arg(whole).arg("-C").arg(folder))?;
        Ok(())
    })
}

/// Fills a root with Debian's minimal base plus these packages.
pub(crate) fn debootstrap(catalog: &Catalog, packages: &[String], folder: &Path) -> Result<()> {
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.arg("--variant=minbase").arg(format!("--include={}", packages.join(",")));
    debootstrap.arg(&catalog.base.suite).arg(folder).arg(debian::archive()?);
    debootstrap.envs(debian::proxy_environment()?);
    let outcome = run(&mut debootstrap);
    unmount_below(folder)?;
    outcome?;
    for spent in ["var/cache/apt", "var/lib/apt/lists", "debootstrap"] {
        let _ = fs::remove_dir_all(folder.join(spent));
    }
    Ok(())
}

/// The tar file of a root that `make` fills, from the cache if it is there.
pub(crate) fn cached(name: &str, recipe: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    once(name, &format!("{recipe}.tar"), make, |root, tar| {
        // A container brings its own /dev, /proc and /sys.
        let mut pack = Command::new("tar");
        pack.args(["--numeric-owner", "--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", "-cf"]);
        run(pack.arg(tar).arg("-C").arg(root).arg("."))?;
        Ok(())
    })
}

/// A folder that `make` fills, from the cache if it is there.
pub(crate) fn cached_folder(
    name: &str,
    recipe: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    once(name, recipe, make, |folder, place| {
        fs::rename(folder, place).map_err(doing(format!("place {}", place.display())))
    })
}

/// What `keep` makes of a root that `make` fills, in the cache.
fn once(
    name: &str,
    version: &str,
    make: impl FnOnce(&Path) -> Result<()>,
    keep: impl FnOnce(&Path, &Path) -> Result<()>,
) -> Result<PathBuf> {
    let folder = paths::cache()?.join("images");
    fs::create_dir_all(&folder).map_err(doing(format!("make {}", folder.display())))?;
    let kept = folder.join(format!("{name}.{version}"));
    // One maker at a time: engines may come up side by side.
    let lock = fs::File::create(folder.join(format!("{name}.lock"))).map_err(doing("make a lock"))?;
    lock.lock().map_err(doing("lock the image cache"))?;
    if kept.exists() {
        return Ok(kept);
    }
    let root = tempfile::Builder::new().prefix(name).tempdir_in(&folder);
    let root = root.map_err(doing("make a folder for an image"))?;
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).map_err(doing("open it"))?;
    make(root.path())?;
    let draft = folder.join(format!("{name}.{version}.draft"));
    keep(root.path(), &draft)?;
    fs::rename(&draft, &kept).map_err(doing(format!("place {}", kept.display())))?;
    Ok(kept)
}
