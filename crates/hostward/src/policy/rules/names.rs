//! What is acted on, and the names that things get.

use super::said::JudgedClaim;
use crate::policy::claim::Said;
use crate::policy::denial::Denial;
use crate::policy::image::{ImageName, ImagePatterns, registry};
use crate::policy::profile::{Owned, Profile};

/// A container or an exec in one. Whose it is, is looked up by whoever asks the engine.
pub(super) fn container(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    match judged.profile.containers_of {
        Owned::Own | Owned::All => Ok(()),
        Owned::Nothing => Err(judged.denied("container", judged.shown(), "no container", "containers_of")),
    }
}

/// An image that is used or looked at.
pub(super) fn image(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    matched(judged, &judged.profile.images, "image", "images")
}

/// An image that is pulled: from a registry that is allowed, too.
pub(super) fn pulled(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    matched(judged, &judged.profile.images, "image", "images")?;
    registry_of(judged)
}

pub(super) fn pushed(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    matched(judged, &judged.profile.pushes, "push", "pushes")?;
    registry_of(judged)
}

/// A name that an image gets. With it, others' containers would be made from this image.
pub(super) fn given(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    if judged.claim.said == Said::Present {
        return in_archive(judged);
    }
    matched(judged, &judged.profile.image_names, "image-name", "image_names")
}

/// Names in an archive, which nobody has read: any of them.
fn in_archive(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let Profile { image_names, image_names_of, .. } = judged.profile;
    let is_any = image_names.iter().any(|pattern| pattern.as_str() == "*");
    if is_any && *image_names_of == Owned::All {
        return Ok(());
    }
    let remedy = "build or pull the image instead; `image_names = [\"*\"]` with `image_names_of = \"all\"` in the profile \
                  allows it";
    Err(judged.forbidden("image-name", "loading images under names that are in an archive", remedy))
}

fn matched(
    judged: JudgedClaim<'_>,
    patterns: &ImagePatterns,
    rule: &'static str,
    key: &str,
) -> Result<(), Denial> {
    let name = judged.claim.text().and_then(ImageName::parse);
    match name {
        Some(name) if patterns.matches(&name) => Ok(()),
        Some(name) if name.may_be_id() && !name.is_id() => {
            let subject = format!("{} may be the beginning of an image's id, which", judged.shown());
            let mut denial = judged.denied(rule, subject, patterns, key);
            denial.remedy =
                format!("write the name with its tag, or add \"sha256:*\" to `{key}` of the profile");
            Err(denial)
        }
        Some(_) | None => {
            Err(judged.denied(rule, format_args!("the image {}", judged.shown()), patterns, key))
        }
    }
}

fn registry_of(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let name = judged.claim.text().and_then(ImageName::parse);
    let registry = name.as_ref().filter(|name| !name.is_id()).map(ImageName::registry);
    may_ask(judged, registry)
}

/// An address or an image's name, whose registry the engine asks.
pub(super) fn asked_registry(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    may_ask(judged, judged.claim.text().and_then(registry))
}

fn may_ask(judged: JudgedClaim<'_>, registry: Option<&str>) -> Result<(), Denial> {
    let registries = &judged.profile.registries;
    match registry {
        Some(registry) if registries.matches(registry) => Ok(()),
        Some(registry) => {
            Err(judged.denied("registry", format_args!("the registry {registry}"), registries, "registries"))
        }
        None => {
            let subject = format_args!("the registry of {}", judged.shown()).to_string();
            Err(judged.denied("registry", subject, registries, "registries"))
        }
    }
}

/// Where an import comes from.
pub(super) fn import_source(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let sources = &judged.profile.import_sources;
    match judged.claim.text() {
        // The request's own body.
        Some("" | "-") => Ok(()),
        Some(text) if sources.matches(text) => Ok(()),
        Some(_) | None => Err(judged.denied("import", judged.shown(), sources, "import_sources")),
    }
}

/// A label. Those of Hostward say whose a container is, so that only Hostward writes them.
pub(super) fn label(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let (key, text) = (judged.key(), judged.text());
    if key.starts_with("hostward.") {
        let subject = format!("the label {key:?}, which only hostward writes,");
        return Err(judged.forbidden("label", subject, "leave it out"));
    }
    if judged.profile.labels.matches_pair(key, &text) || judged.profile.labels.matches(key) {
        return Ok(());
    }
    Err(judged.denied(
        "label",
        format_args!("the label {}", judged.shown()),
        &judged.profile.labels,
        "labels",
    ))
}
