//! Every field of every JSON body of the API, and what becomes of it under a profile.

pub mod kind; // the words that the tables are written in

pub(super) mod container; // containers, and what runs in them
pub(super) mod host; // the host's part of a container
pub(super) mod network; // networks and volumes
pub(super) mod plugin; // plugins, and a login
pub(super) mod service; // services
pub(super) mod swarm; // a swarm, its nodes, secrets and configs
