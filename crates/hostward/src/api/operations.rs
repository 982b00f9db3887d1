//! The one table of the API's operations, and which of them a request is.
//!
//! There are two readers of a request line. [`classify`] takes a line as any engine's router might, for callers that no
//! profile binds: their requests go on as they are, and only those that carry paths matter. [`find`] takes a line only where
//! all routers read the same of it.

mod cluster;
mod containers;
mod images;
mod libpod;
mod line; // reading a request line exactly
pub mod row; // what is known of an operation
mod table;
mod things;

pub use line::{Match, TargetError};
pub use row::{BodyKind, Group, Operation, QueryClass, QueryForm, QueryKey, Reach};

use table::{TABLE, fits, rows_of};

use super::endpoint::{Endpoint, asks, decode, is_version, names, path_of};

/// All operations.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    TABLE.iter().flat_map(|(_, rows)| rows.iter()).chain([&things::OPTIONS])
}

/// The operation that a request line asks for, where all engines read it alike.
///
/// # Errors
/// A line that engines may read differently, and one that asks for nothing in the table.
pub fn find(method: &[u8], target: &[u8]) -> Result<Match, TargetError> {
    line::find(method, target, &things::OPTIONS)
}

/// Reads the endpoint from a request line's method and target: origin form or absolute form, with a version
/// (`/v1.24/…`) or without, percent-encoded or not.
///
/// What the engine's router would take for an endpoint is never `Other`; the reverse (a doubled slash, which the
/// router redirects) does no harm.
pub fn classify(method: &[u8], target: &[u8]) -> Endpoint {
    let path = decode(path_of(target));
    let components = names(&path);
    let route = match components.split_first() {
        Some((first, rest)) if is_version(first) => rest,
        _ => &components[..],
    };
    let Some(first) = route.first() else { return Endpoint::Other };
    let found = rows_of(first).iter().find(|row| {
        row.method.as_bytes() == method
            && fits(row.pattern, route)
            && row.only_with.is_none_or(|key| asks(target, key.as_bytes()))
    });
    found.map_or(Endpoint::Other, |row| row.endpoint)
}

#[cfg(test)]
mod tests;
