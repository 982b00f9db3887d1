//! The forms in which paths are spelled, each in three ways: what a request asks in it (*find*), what the engine is given in
//! its place (*give*), and what an answer says in the caller's words (*tell*).

pub(super) mod bind; // a text of `Binds`
pub(super) mod device; // a device, and limits on one
pub(super) mod lenders; // the mounts of others (`VolumesFrom`)
pub(super) mod log; // an option of a log driver
pub(super) mod mount; // an object of `Mounts`
pub(super) mod plugin; // what a plugin has from the machine
mod propagation; // of a bind in the engine's own directory
pub(super) mod volume_device; // the device of a volume
