//! For which machine a program is built, and what each kind of package calls that.

use hostward_testkit::{Error, Result};

/// A target of rustc's, as packages name it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// rustc's own name.
    pub(super) triple: String,
    names: Names,
}

/// One machine's names.
#[derive(Debug, Clone, Copy)]
struct Names {
    /// The first part of rustc's name, and Python's name.
    machine: &'static str,
    debian: &'static str,
    /// Go's name, which images use.
    image: &'static str,
    node: &'static str,
    /// Where programs find the loader of the C library.
    loader: &'static str,
}

const MACHINES: [Names; 2] = [
    Names {
        machine: "x86_64",
        debian: "amd64",
        image: "amd64",
        node: "x64",
        loader: "lib64/ld-linux-x86-64.so.2",
    },
    Names {
        machine: "aarch64",
        debian: "arm64",
        image: "arm64",
        node: "arm64",
        loader: "lib/ld-linux-aarch64.so.1",
    },
];

impl Target {
    /// A target by rustc's name.
    pub(super) fn parse(triple: &str) -> Result<Self> {
        let (machine, system) = triple.split_once('-').unwrap_or_default();
        let names = MACHINES.into_iter().find(|names| names.machine == machine);
        // The C library makes no difference: it is in the static program.
        match names.filter(|_| system.starts_with("unknown-linux-")) {
            Some(names) => Ok(Self { triple: triple.to_owned(), names }),
            None => Err(Error::State(format!(
                "unknown target {triple}: packages are for {} (or -musl)",
                MACHINES.map(|names| format!("{}-unknown-linux-gnu", names.machine)).join(", ")
            ))),
        }
    }

    /// This machine.
    pub(super) fn own() -> Result<Self> {
        Self::parse(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
    }

    /// Whether programs for it run here.
    pub(super) fn is_own(&self) -> bool {
        self.names.machine == std::env::consts::ARCH
    }

    /// In file names.
    pub(super) fn machine(&self) -> &'static str {
        self.names.machine
    }

    /// In a .deb.
    pub(super) fn debian(&self) -> &'static str {
        self.names.debian
    }

    /// In an image.
    pub(super) fn image(&self) -> &'static str {
        self.names.image
    }

    /// In an npm package.
    pub(super) fn node(&self) -> &'static str {
        self.names.node
    }

    /// The C library's loader, in the root of a system.
    pub(super) fn loader(&self) -> &'static str {
        self.names.loader
    }

    /// In a wheel. A static program needs nothing of either C library.
    pub(super) fn python(&self) -> String {
        let machine = self.names.machine;
        format!("manylinux_2_17_{machine}.manylinux2014_{machine}.musllinux_1_1_{machine}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_their_own_names_for_a_machine() {
        let target = Target::parse("aarch64-unknown-linux-musl").unwrap();
        assert_eq!((target.debian(), target.image(), target.node()), ("arm64", "arm64", "arm64"));
        assert_eq!(target.python(), "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64");
        assert!(Target::own().unwrap().is_own());
    }

    #[test]
    fn what_has_no_packages_is_refused() {
        for triple in ["riscv64gc-unknown-linux-gnu", "x86_64-pc-windows-msvc", "x86_64", ""] {
            assert!(Target::parse(triple).unwrap_err().to_string().starts_with("unknown target"), "{triple}");
        }
    }
}
