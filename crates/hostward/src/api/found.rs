//! What a body that was read has: its paths and what spells each, the objects that have its mounts, and its labels.
//!
//! Everything is known by the span of bytes where it stands, so that [`write`](super::write) need not read the body again.

use super::edits::{ObjectEnd, Stale};
use super::forms::bind::BindElement;
use super::forms::device::{DeviceObject, LimitObject};
use super::forms::log::LogOption;
use super::forms::mount::MountObject;
use super::forms::plugin::{PluginMount, PluginSetting};
use super::forms::volume_device::VolumeDevice;
use super::lenders::Lender;
use super::site::Site;
use crate::path::CallerPath;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// An object that has mounts.
#[derive(Debug)]
pub(super) struct MountHolder {
    /// Where it ends: `Mounts` comes there if it has none.
    pub(super) end: ObjectEnd,
    /// The elements of its `Binds`.
    pub(super) binds: Vec<Range<usize>>,
    /// Where a mount is added.
    pub(super) mounts: Mounts,
    /// Where `VolumesFrom` stands.
    pub(super) volumes_from: Option<Range<usize>>,
    /// Whom that names.
    pub(super) lenders: Vec<Lender>,
    /// Where the request itself mounts something, of any kind: the holder's own, and anonymous volumes.
    pub(super) targets: Arc<BTreeSet<CallerPath>>,
}

/// The value of a holder's `Mounts`.
#[derive(Debug)]
pub(super) enum Mounts {
    Missing,
    Null(Range<usize>),
    Array {
        /// Behind its closing bracket.
        end: usize,
        count: usize,
    },
}

/// Where a request has the labels of what it makes, in which Hostward may write.
#[derive(Debug)]
pub(super) enum Labels {
    /// Nowhere: they come into this object.
    Missing(ObjectEnd),
    Null(Range<usize>),
    Map {
        end: ObjectEnd,
        /// What Hostward once wrote there, on something else: it goes.
        stale: Vec<Stale>,
    },
}

/// A site, and what spells it.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) site: Site,
    pub(super) spelling: Spelling,
}

/// The forms in which a request spells a path.
#[derive(Debug)]
pub(super) enum Spelling {
    /// A text of a holder's `Binds`.
    Bind {
        holder: usize,
        bind: BindElement,
    },
    /// An object of a holder's `Mounts`.
    Mount {
        holder: usize,
        mount: MountObject,
    },
    Device(DeviceObject),
    Limit(LimitObject),
    LogOption(LogOption),
    VolumeDevice(VolumeDevice),
    Setting(PluginSetting),
    PluginMount(PluginMount),
}

impl Spelling {
    /// Where it is mounted, and which holder it belongs to.
    pub(super) fn target(&self) -> Option<(CallerPath, usize)> {
        match self {
            Self::Bind { holder, bind } => Some((bind.target()?, *holder)),
            Self::Mount { holder, mount } => Some((mount.target().cloned()?, *holder)),
            Self::Device(_)
            | Self::Limit(_)
            | Self::LogOption(_)
            | Self::VolumeDevice(_)
            | Self::Setting(_)
            | Self::PluginMount(_) => None,
        }
    }
}
