//! A second kernel, with cgroup v2 alone: user-mode-linux, which runs as a process and boots in seconds.
//!
//! Its root is this machine's, which it may only read; all that it writes is in its own memory. `tests/second-kernel/guest` is
//! its first process, and `cases` beside that what is played there.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::catalog::Catalog;
use crate::command::{last_lines, run as run_command};
use crate::error::{Error, Result, doing};
use crate::mounts::unmount_below;
use crate::{daemon, debian, images, paths, process};

/// What begins a line for the person who waits.
const MARK: &str = "second kernel: ";
/// It takes a minute; a loaded machine gets more.
const LIMIT: Duration = Duration::from_mins(8);
const MEMORY: &str = "1792M";
/// What the file is in that holds it.
const ROOM: &str = "size=2G";
/// Lines of what it said that an error shows.
const SHOWN_LINES: usize = 120;

/// Plays the cases with this `hostward` on the second kernel, and says of each how it went.
pub fn run(catalog: &Catalog, program: &Path) -> Result<()> {
    daemon::must_be_root()?;
    debian::install_missing(&catalog.system)?;
    let folder = paths::cache()?.join("second-kernel");
    fs::create_dir_all(&folder).map_err(doing(format!("make {}", folder.display())))?;
    let lock = File::create(folder.join("lock")).map_err(doing("make the second kernel's lock"))?;
    lock.lock().map_err(doing("wait for another run of the second kernel"))?;
    let kernel = Kernel::prepare(catalog, &folder)?;
    let memory = Memory::make(&folder.join("memory"))?;
    let machine = [
        ("ENGINE", daemon::unpacked(&catalog.select(Some(&catalog.second_kernel.engine))?[0])?),
        ("MODULES", kernel.modules),
        ("BUSYBOX", images::busybox(catalog)?),
        ("BASE", images::busybox_tar(catalog)?),
        ("PYTHON", images::small_python_tar(catalog)?),
        ("PROGRAM", program.canonicalize().map_err(doing(format!("find {}", program.display())))?),
    ];
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/second-kernel/guest");
    let guest = guest.canonicalize().map_err(doing(format!("find {}", guest.display())))?;

    // Whatever ends this process, Ctrl-C or worse, ends it too.
    let mut boot = Command::new("setpriv");
    boot.args(["--pdeathsig", "KILL", "--"]).arg(kernel.program);
    boot.args(["rootfstype=hostfs", "rootflags=/", "ro", "quiet", "con=null", "con0=null,fd:1", "ssl=null"]);
    boot.arg(format!("mem={MEMORY}")).arg(format!("init={}", word(&guest)?));
    // What the kernel does not know it puts into its first process's environment.
    for (name, path) in &machine {
        boot.arg(format!("{name}={}", word(path)?));
    }
    // Its memory is a file, which it runs from.
    boot.env("TMPDIR", &memory.0).process_group(0);
    let child = boot.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut running = Running(child.map_err(doing("start the second kernel"))?);
    let output = running.0.stdout.take();
    let output = output.ok_or_else(|| Error::State("the second kernel has no output".to_owned()))?;
    let reading = thread::spawn(move || passed_on(output));
    let ended = process::wait_until(LIMIT, || reading.is_finished());
    drop(running);
    let said = reading.join().map_err(|_| Error::State("reading the second kernel failed".to_owned()))?;
    if said.lines().any(|line| line == format!("{MARK}ended 0")) {
        return Ok(());
    }
    let how = if ended { "failed".to_owned() } else { format!("did not end in {} s", LIMIT.as_secs()) };
    Err(Error::State(format!("the second kernel {how}; it said:\n{}", last_lines(&said, SHOWN_LINES))))
}

/// All that it says, with the marked lines shown as they come.
fn passed_on(output: ChildStdout) -> String {
    let mut said = String::new();
    for line in BufReader::new(output).split(b'\n').map_while(std::result::Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\r');
        if line.starts_with(MARK) {
            println!("{line}");
        }
        said = said + line + "\n";
    }
    said
}

/// A path as one word of the kernel's command line.
fn word(path: &Path) -> Result<&str> {
    path.to_str().filter(|path| !path.contains([' ', '\t', '\n', '"'])).ok_or_else(|| {
        Error::State(format!(
            "the second kernel can be told no path with a blank or a quote in it, as {} is: work in another folder",
            path.display()
        ))
    })
}

/// The kernel's program, and its modules.
struct Kernel {
    program: PathBuf,
    modules: PathBuf,
}

impl Kernel {
    fn prepare(catalog: &Catalog, folder: &Path) -> Result<Kernel> {
        let root = |name| folder.join(name);
        let wanted = &catalog.second_kernel;
        debian::unpack("second kernel", &wanted.parts, &root("root"))?;
        debian::unpack("tools of the second kernel", &wanted.tools, &root("tools"))?;
        let kernel = root("root").join("usr/bin/linux.uml");
        let program = root("root").join("linux");
        // The suite's own C library, which this machine's programs could not run with. It cannot be started by that loader by
        // hand: the kernel starts itself again as /proc/self/exe.
        let libraries = root("root").join("usr/lib/x86_64-linux-gnu");
        let loader = libraries.join("ld-linux-x86-64.so.2");
        let patchelf = root("tools").join("usr/bin/patchelf");
        let mut patch = Command::new(patchelf);
        patch.arg("--set-interpreter").arg(loader).arg("--set-rpath").arg(libraries).arg("--output");
        run_command(patch.arg(&program).arg(kernel))?;
        Ok(Kernel { program, modules: root("root").join("usr/lib/uml/modules") })
    }
}

/// A folder in memory for the kernel's own: /dev/shm is small, or may not be run from, in many a container. Drop unmounts it.
struct Memory(PathBuf);

impl Memory {
    fn make(folder: &Path) -> Result<Memory> {
        fs::create_dir_all(folder).map_err(doing(format!("make {}", folder.display())))?;
        // Of a run that was killed.
        unmount_below(folder)?;
        run_command(Command::new("mount").args(["-t", "tmpfs", "-o", ROOM, "hostward"]).arg(folder))?;
        Ok(Memory(folder.to_owned()))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = unmount_below(&self.0);
    }
}

/// The kernel's processes. Drop ends them all.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // Each process of the guest is one of the machine's, and of this group.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}
