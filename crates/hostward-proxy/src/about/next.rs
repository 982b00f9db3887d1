//! The engine of a Hostward can be another one: `wrap` in a container whose engine's socket is Hostward's. What this one gives the
//! next, that one translates again, and only it can say what the engine is given in the end.

use std::collections::{BTreeMap, BTreeSet};

use hostward::explanation::{Explanation, MountGiven, MountTold};
use hostward::path::AskedPath;
use hostward_engine::about::{self, ExplainError, HostwardTold};
use hostward_engine::address::Address;

use crate::refuse::Refused;

/// What is said of paths, by the engine's own word where that is another Hostward.
///
/// # Errors
/// Where the engine does not answer: if it is another Hostward, what was found is in the caller's paths, and not in the host's.
pub(crate) async fn through(engine: &Address, said: Vec<Explanation>) -> Result<Vec<Explanation>, Refused> {
    if !is_hostward(engine).await? {
        return Ok(said);
    }
    let next = ask(engine, said.iter().flat_map(given)).await.map_err(Refused::not_told)?;
    Ok(said.into_iter().map(|said| joined(said, &next)).collect())
}

/// The same of what a caller has mounted.
///
/// # Errors
/// As with [`through`].
pub(crate) async fn mounts_through(engine: &Address, said: HostwardTold) -> Result<HostwardTold, Refused> {
    if !is_hostward(engine).await? {
        return Ok(said);
    }
    let binds = said.mounts.iter().filter(|mount| mount.r#type == "bind").map(|mount| &*mount.source);
    let next = ask(engine, binds).await.map_err(Refused::not_told)?;
    let source = |mount: &MountTold| next.get(&mount.source)?.source.clone();
    let told =
        |mount: MountTold| MountTold { source: source(&mount).unwrap_or(mount.source.clone()), ..mount };
    Ok(HostwardTold { mounts: said.mounts.into_iter().map(told).collect(), ..said })
}

/// Whether the engine is another Hostward.
async fn is_hostward(engine: &Address) -> Result<bool, Refused> {
    Ok(about::about(engine).await.map_err(Refused::not_told)?.is_some())
}

/// What the next one says of paths, by them.
async fn ask<'a>(
    engine: &Address,
    paths: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, Explanation>, ExplainError> {
    let paths: BTreeSet<_> = paths.collect();
    let asked: Vec<_> = paths.iter().filter_map(|path| AskedPath::parse(path.as_bytes()).ok()).collect();
    let next = about::explain(engine, &asked).await?;
    Ok(next.into_iter().map(|said| (said.asked.clone(), said)).collect())
}

/// The paths that the next one is given.
fn given(said: &Explanation) -> impl Iterator<Item = &str> {
    let mounts = said.mounts.iter().flatten().filter(|mount| mount.r#type == "bind");
    mounts.map(|mount| &*mount.source).chain(said.source.as_deref())
}

/// What is said of a path, with what the next one says of that.
fn joined(said: Explanation, next: &BTreeMap<String, Explanation>) -> Explanation {
    let Some(told) = said.source.as_ref().and_then(|source| next.get(source)) else { return said };
    // Neither changes it, so the engine is given it as it was asked for.
    if said.mounts.is_none() && told.is_given() && told.mounts.is_none() {
        return said;
    }
    let kept = MountGiven {
        r#type: "bind".to_owned(),
        source: told.asked.clone(),
        subpath: String::new(),
        beneath: String::new(),
        read_only: said.read_only == Some(true),
    };
    let mounts = said.mounts.clone().unwrap_or_else(|| vec![kept]);
    let refused = mounts.iter().filter_map(|mount| next.get(&mount.source)).find(|told| !told.is_given());
    if let Some(why) = refused {
        let Explanation { refused, reason, remedy, .. } = why.clone();
        return said.refused(refused, reason, remedy);
    }
    // What the request has there itself stays in front (T7).
    let own: Vec<_> = mounts.iter().map(|mount| mount.beneath.clone()).collect();
    let is_covered = |mount: &MountGiven, by: &str| {
        own.iter().any(|own| own != by && (mount.beneath == *own || is_below(&mount.beneath, own)))
    };
    let mut given = Vec::with_capacity(mounts.len());
    for mount in mounts {
        let by = mount.beneath.clone();
        given.extend(
            expanded(mount, next).into_iter().filter(|one| one.beneath == by || !is_covered(one, &by)),
        );
    }
    said.given(told, given)
}

fn is_below(path: &str, above: &str) -> bool {
    !above.is_empty() && path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

/// A mount that the next one is given, as what the engine is given for it.
fn expanded(mount: MountGiven, next: &BTreeMap<String, Explanation>) -> Vec<MountGiven> {
    let told = next.get(&mount.source).and_then(|told| told.mounts.as_ref());
    let (true, Some(told)) = (mount.r#type == "bind", told) else { return vec![mount] };
    let place = |beneath: &str| match (&*mount.beneath, beneath) {
        (above, "") => above.to_owned(),
        ("", beneath) => beneath.to_owned(),
        (above, beneath) => format!("{above}/{beneath}"),
    };
    let given = |told: &MountGiven| MountGiven {
        beneath: place(&told.beneath),
        read_only: mount.read_only || told.read_only,
        ..told.clone()
    };
    told.iter().map(given).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(asked: &str, mounts: &[(&str, &str)]) -> Explanation {
        let mounts: Vec<_> = mounts
            .iter()
            .map(|(source, beneath)| {
                serde_json::json!({"type": "bind", "source": source, "beneath": beneath, "read_only": false})
            })
            .collect();
        let source = mounts.first().map(|mount| mount["source"].clone());
        let text = serde_json::json!({
            "asked": asked, "source": source, "exact": true, "read_only": false,
            "mounts": (!mounts.is_empty()).then_some(mounts),
        });
        serde_json::from_value(text).unwrap()
    }

    fn next(all: &[Explanation]) -> BTreeMap<String, Explanation> {
        all.iter().map(|said| (said.asked.clone(), said.clone())).collect()
    }

    #[test]
    fn what_neither_changes_goes_on_unchanged() {
        let joined = joined(kept("/dev/null"), &next(&[kept("/dev/null")]));
        assert_eq!((joined.mounts, joined.source.as_deref()), (None, Some("/dev/null")));
    }

    fn kept(asked: &str) -> Explanation {
        let text = serde_json::json!({
            "asked": asked, "source": asked, "exact": true, "read_only": false, "mounts": null,
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn what_the_next_one_is_given_becomes_what_the_engine_is_given() {
        let own = said("/code", &[("/app/code", ""), ("/app/deps", "deps")]);
        let told = next(&[
            said(
                "/app/code",
                &[("/srv/code", ""), ("/srv/cache", "cache"), ("/srv/old", "deps/old"), ("/srv/d", "deps")],
            ),
            said("/app/deps", &[("/srv/deps", ""), ("/srv/more", "more")]),
        ]);
        let joined = joined(own, &told);
        let mounts: Vec<_> =
            joined.mounts.iter().flatten().map(|mount| (&*mount.source, &*mount.beneath)).collect();
        assert_eq!(
            mounts,
            [("/srv/code", ""), ("/srv/cache", "cache"), ("/srv/deps", "deps"), ("/srv/more", "deps/more")]
        );
        assert_eq!(joined.source_bytes(), Some(&b"/srv/code"[..]));
        assert_eq!(joined.asked, "/code");
    }

    #[test]
    fn what_the_next_one_refuses_is_refused() {
        let mut refusal = said("/app/code", &[]);
        refusal.refused = Some("cannot mount /app/code: it is in a tmpfs".to_owned());
        let joined = joined(said("/code", &[("/app/code", "")]), &next(&[refusal]));
        assert!(!joined.is_given() && joined.source_bytes().is_none());
        assert_eq!(joined.refused.as_deref(), Some("cannot mount /app/code: it is in a tmpfs"));
    }
}
