//! What a request asks for, in claims: the strict reading of its line, its query and its body.
//!
//! What engines might read differently is an error, and so is every key and field that is not in the tables: an engine may
//! know it. What is read here is not read again by a rule; what is a path is left to [`read`](super::read).

mod body; // the fields of a JSON body
mod collected; // the claims on their way
mod error; // why a request cannot be judged
mod image; // the name of an image, in its parts
mod query; // the keys of a query
mod special; // fields with a rule of their own
mod values; // values, by their types

pub use collected::MOST_CLAIMS;
pub use error::ClaimError;

use super::dockerfile::{self, BuildArgs};
use super::operations::{BodyKind, Match};
use crate::policy::claim::{About, Claim, Said};
use collected::Claims;

/// What a request asks for. The operation and the names are of [`find`](super::operations::find); `content_types`
/// are its headers: bollard sends two with an archive, of which an engine reads one. `body` is none where the body is not read: it is an archive or a stream, or no engine looks at it.
///
/// # Errors
/// What cannot be read as all engines read it, and what is not in the tables.
pub fn read(
    found: &Match,
    target: &[u8],
    content_types: impl IntoIterator<Item: AsRef<[u8]>>,
    body: Option<&[u8]>,
) -> Result<Vec<Claim>, ClaimError> {
    if body.is_none_or(|body| !body.is_empty()) && content_types.into_iter().any(|one| is_form(one.as_ref()))
    {
        return Err(ClaimError::Form);
    }
    let operation = found.operation;
    let mut claims = Claims::default();
    if let Some(about) = operation.itself {
        claims.add(about, operation.name, None, Said::Present)?;
    }
    let pairs = query::pairs(target)?;
    let tag = query::tag(operation, &pairs)?;
    for ((_, name), about) in found.names.iter().zip(operation.names) {
        let Some(about) = *about else { continue };
        let text = match about {
            About::ImagePushed => image::with_tag(name, tag)?,
            About::Registry => image::registry(name),
            _ => name.clone(),
        };
        claims.add(about, "the request's path", None, Said::Text(text))?;
    }
    query::read(operation, &pairs, tag, &mut claims)?;
    if let (BodyKind::Json(kind), Some(body)) = (operation.body, body) {
        body::read(kind, operation.query, body, &mut claims)?;
    }
    by_default(operation.name, &mut claims)?;
    Ok(claims.all)
}

/// What a build asks for by its Dockerfile, beside all else.
///
/// # Errors
/// What its engine may read differently.
pub fn add_dockerfile(claims: &mut Vec<Claim>, text: &[u8], target: &[u8]) -> Result<(), ClaimError> {
    let args = BuildArgs::of(target)
        .ok_or_else(|| ClaimError::text("the query's buildargs", "", "a map of texts in JSON"))?;
    claims.extend(dockerfile::claims(text, &args)?);
    if claims.len() > MOST_CLAIMS { Err(ClaimError::Many(MOST_CLAIMS)) } else { Ok(()) }
}

/// What a request asks for by leaving something out.
fn by_default(operation: &str, claims: &mut Claims) -> Result<(), ClaimError> {
    match operation {
        "volume.create" if !claims.has(About::Volume) => {
            claims.add(About::AnonymousVolume, "Name", None, Said::Text(String::new()))
        }
        "registry.login" if !claims.has(About::Registry) => {
            claims.add(About::Registry, "serveraddress", None, Said::Text(image::DOCKER_HUB.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Whether a body of this type is read as a part of the query: Go takes the values of a form's body before those of the query.
fn is_form(content_type: &[u8]) -> bool {
    let lower = content_type.to_ascii_lowercase();
    let has = |word: &[u8]| lower.windows(word.len()).any(|window| window == word);
    has(b"x-www-form-urlencoded") || has(b"multipart/")
}

#[cfg(test)]
mod tests;
