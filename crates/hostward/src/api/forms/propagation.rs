//! The propagation of a bind, where its source has come to be in the directory in which the engine keeps its own files (T28):
//! the caller's root filesystem, a volume.
//!
//! dockerd takes only `rslave` and `rshared` there, or none, which it makes `rslave`: whatever it mounts in its directory later
//! must go away from its containers again. What was asked is valid for the path that was asked. So `private`, which is what a bind
//! has by default, is left out, and of `slave` and `shared` the engine is given the kind that it takes: the same for the mount
//! itself, and for what is mounted beneath it too.

/// What is said there instead; nothing where it is left out.
pub(super) fn in_engine_directory(asked: &str) -> &str {
    match asked {
        "private" | "rprivate" => "",
        "slave" => "rslave",
        "shared" => "rshared",
        other => other,
    }
}
