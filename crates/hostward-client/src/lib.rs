//! What a path of this process is to the Docker engine that it uses.
//!
//! A program in a container that drives the engine outside it names files by its own paths, and the engine looks them up on the
//! host. [`host_path`] says where the host has them, and [`explain`] says why as well:
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let source = hostward_client::host_path("/app/storage/tmp").await?;
//! println!("docker run -v {}:/data …", source.display());
//! # Ok(())
//! # }
//! ```
//!
//! The engine is chosen as the docker CLI chooses it. Where Hostward stands before that engine, it is asked, since all else comes
//! through it in the caller's own paths; elsewhere this process finds out its own container, asks the engine, and looks for itself.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod error; // why nothing could be found out

mod whose; // whose paths are meant

mod seen; // they are seen from here
mod told; // Hostward tells
mod viewpoint; // one or the other

mod path; // the two questions

pub use error::ViewpointError;
pub use path::{HostPathError, explain, host_path};
pub use seen::SeenCaller;
pub use told::ToldCaller;
pub use viewpoint::Viewpoint;
pub use whose::WhosePaths;

#[cfg(test)]
mod messages; // what users read of all this
