//! The table itself, and which of its rows a path fits.

use super::row::Operation;
use super::{cluster, containers, images, libpod, things};

/// The table: what a path begins with, and the operations there. Where two fit, the first is meant.
pub(super) const TABLE: &[(&[u8], &[Operation])] = &[
    (b"containers", containers::CONTAINERS),
    (b"exec", containers::EXEC),
    (b"images", images::IMAGES),
    (b"_ping", things::PING),
    (b"version", things::VERSION),
    (b"info", things::INFO),
    (b"events", things::EVENTS),
    (b"networks", things::NETWORKS),
    (b"volumes", things::VOLUMES),
    (b"build", images::BUILD),
    (b"commit", containers::COMMITS),
    (b"auth", things::AUTH),
    (b"system", things::SYSTEM),
    (b"distribution", images::DISTRIBUTION),
    (b"session", images::SESSION),
    (b"grpc", images::GRPC),
    (b"plugins", things::PLUGINS),
    (b"services", cluster::SERVICES),
    (b"tasks", cluster::TASKS),
    (b"nodes", cluster::NODES),
    (b"swarm", cluster::SWARM),
    (b"secrets", cluster::SECRETS),
    (b"configs", cluster::CONFIGS),
    (b"debug", things::DEBUG),
    (b"libpod", libpod::LIBPOD),
];

/// The operations whose paths begin with this.
pub(super) fn rows_of(first: &[u8]) -> &'static [Operation] {
    TABLE.iter().find(|(word, _)| *word == first).map_or(&[], |(_, rows)| rows)
}

/// Whether components are a path of this pattern, in which `{a*}` and `{a**}` are one or more of them.
pub(super) fn fits<T: AsRef<[u8]>>(pattern: &str, components: &[T]) -> bool {
    // Most patterns end otherwise.
    let last = pattern.rsplit('/').next().unwrap_or_default();
    if !last.ends_with('}') && components.last().is_none_or(|it| it.as_ref() != last.as_bytes()) {
        return false;
    }
    let words = || pattern.split('/').skip(1);
    let is = |word: &str, component: &T| word.ends_with('}') || word.as_bytes() == component.as_ref();
    let Some(many) = words().position(|word| word.ends_with("*}")) else {
        return words().count() == components.len() && words().zip(components).all(|(word, it)| is(word, it));
    };
    let behind = words().count() - many - 1;
    components.len() > many + behind
        && words().zip(components).take(many).all(|(word, it)| is(word, it))
        && words().skip(many + 1).zip(&components[components.len() - behind..]).all(|(word, it)| is(word, it))
}
