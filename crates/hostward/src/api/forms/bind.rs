//! A text of `Binds`: `SOURCE:TARGET[:OPTIONS]`.

use super::propagation::in_engine_directory;
use crate::api::asked::{Asked, Noted, Original, Requested};
use crate::api::draft::{Draft, spelled, unspelled};
use crate::api::edits::{ObjectEnd, quote};
use crate::api::json::{BodyError, Value, array, member};
use crate::api::site::Site;
use crate::api::telling::{Telling, told};
use crate::bind_text::{BindText, names_a_path};
use crate::containment::{Contained, Containment};
use crate::path::{AskedPath, CallerPath, MOST_BYTES, PathError};
use crate::plan::{Give, Given, Wish};
use crate::refusal::Refusal;
use std::ops::Range;

/// A text of `Binds` whose source is a path, and where it stands in the body.
#[derive(Debug)]
pub(in crate::api) struct BindElement {
    /// Which element of `Binds` it is.
    index: usize,
    /// Where its text stands.
    span: Range<usize>,
    bind: Bind,
}

/// Reads the element `index` of a `Binds` that stands at `name`, and says where it is mounted. What has a path for its source
/// goes to `found`.
///
/// # Errors
/// A value that is no text, a path with a colon, and what `found` fails with.
pub(in crate::api) fn find(
    name: &str,
    index: usize,
    value: Value<'_>,
    found: impl FnOnce(Site, BindElement) -> Result<(), BodyError>,
) -> Result<Option<CallerPath>, BodyError> {
    let place = || format!("{name}[{index}]");
    let text = value.string()?.ok_or_else(|| BodyError::Type(place(), "a string"))?;
    let bind = Bind::parse(&text).map_err(|error| BodyError::Path(place(), error.of(&text)))?;
    if let Some(bind) = bind {
        let site = Site { asked: bind.source.clone(), wish: bind.wish() };
        found(site, BindElement { index, span: value.span(), bind })?;
    }
    Ok(target_of(&text))
}

/// Where the text of a bind or a volume is mounted; `None` where it is no text that the engine takes.
fn target_of(text: &str) -> Option<CallerPath> {
    CallerPath::parse(BindText::of(text).target.as_bytes()).ok()
}

impl BindElement {
    /// Where it is mounted.
    pub(in crate::api) fn target(&self) -> Option<CallerPath> {
        CallerPath::parse(self.bind.target.as_bytes()).ok()
    }

    /// Gives it another source, and the mounts that come along.
    ///
    /// # Errors
    /// What can be spelled neither in a text nor in an object of `Mounts`.
    pub(in crate::api) fn give(
        &self,
        site: &Site,
        given: &Given,
        holder: usize,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let target = self.target();
        let moved = self.give_source(site, given, holder, draft)?;
        let along = draft.add_beneath(site, given, holder, target.as_ref())?;
        let key = target.map_or_else(|| self.bind.target.clone(), |target| target.to_string());
        let forced = given.read_only && !self.bind.is_read_only();
        let spread = self.bind_for(given, draft) != self.bind;
        let original = Original { index: moved.then_some(self.index), ..draft.original(&self.span) };
        draft.remember(site, given, moved || along || forced || spread, key, original);
        Ok(())
    }

    /// What was asked, with the propagation that the engine takes for what is given.
    fn bind_for(&self, given: &Given, draft: &Draft<'_>) -> Bind {
        match &given.source {
            Give::Bind(source) if draft.is_in_engine_directory(source) => self.bind.in_engine_directory(),
            Give::Bind(_) | Give::Volume { .. } | Give::Contained(_) => self.bind.clone(),
        }
    }

    /// Gives it another source; says whether it had to become a mount, since only that can say it.
    fn give_source(
        &self,
        site: &Site,
        given: &Given,
        holder: usize,
        draft: &mut Draft<'_>,
    ) -> Result<bool, Refusal> {
        let (asked, wish, bind) = (&site.asked, &site.wish, self.bind_for(given, draft));
        if given.read_only && bind.changes_owner() {
            return Err(unspelled(site, given, "that it is read-only together with the option U"));
        }
        let text = match &given.source {
            Give::Bind(source) => {
                let source = spelled(asked, source)?;
                let colon = source.contains(':');
                if colon && !wish.plain {
                    return Err(unspelled(site, given, "a path with a colon together with such options"));
                }
                let says = !colon && (given.lasting || !wish.plain);
                says.then(|| bind.with(source, given.read_only))
            }
            Give::Volume { name, subpath } => {
                subpath.is_empty().then(|| bind.with_volume(name, given.read_only))
            }
            // As an object: a text would have the engine make a pin that has gone, and cannot say a volume's device.
            Give::Contained(Contained { by: Containment::Pin(pin), .. }) if !wish.plain => {
                Some(bind.with(spelled(asked, pin)?, given.read_only))
            }
            Give::Contained(_) => None,
        };
        if let Some(text) = text {
            draft.edits.put(self.span.clone(), quote(&text));
            return Ok(false);
        }
        let read_only = given.read_only || bind.is_read_only();
        let object = draft.object(asked, &given.source, &bind.target, read_only)?;
        let changes = &mut draft.holders[holder];
        changes.moved.push(self.index);
        changes.added.push(object);
        Ok(true)
    }
}

/// What a text of `Binds` becomes for its reader.
enum ToldBind {
    Same,
    /// Another, quoted.
    Other(String),
    /// Nobody asked for it.
    Gone,
}

/// The texts of an object's `Binds`, with those that had become mounts where they stood.
pub(in crate::api) fn tell<'a>(
    holder: Value<'a>,
    asked: Option<&Asked>,
    mut moved: Vec<(usize, &str)>,
    telling: &mut Telling<'a>,
) -> Result<(), BodyError> {
    let members = telling.members(holder)?;
    let values = array(&members, "Binds")?.unwrap_or_default();
    let mut kept = Vec::with_capacity(values.len());
    for &value in &values {
        match tell_one(value, asked, telling)? {
            ToldBind::Same => kept.push((value, value.text().to_owned())),
            ToldBind::Other(text) => kept.push((value, text)),
            ToldBind::Gone => {}
        }
    }
    if moved.is_empty() && kept.len() == values.len() {
        for (value, text) in kept.into_iter().filter(|(value, text)| value.text() != text) {
            telling.edits.put(value.span(), text);
        }
        return Ok(());
    }
    let mut texts: Vec<_> = kept.into_iter().map(|(_, text)| text).collect();
    moved.sort_unstable();
    for (index, text) in moved {
        texts.insert(index.min(texts.len()), text.to_owned());
    }
    let whole = format!("[{}]", texts.join(","));
    match member(&members, "Binds")? {
        Some(array) => telling.edits.put(array.span(), whole),
        None => telling.edits.add_members(ObjectEnd::of(holder), &[("Binds", &whole)]),
    }
    Ok(())
}

/// One text. Podman has all mounts there, whatever they were asked as.
fn tell_one(
    value: Value<'_>,
    asked: Option<&Asked>,
    telling: &mut Telling<'_>,
) -> Result<ToldBind, BodyError> {
    let Some(text) = value.string()? else { return Ok(ToldBind::Same) };
    let BindText { source: Some(shown), rest, .. } = BindText::of(&text) else { return Ok(ToldBind::Same) };
    let given = Noted::of_source(shown);
    let target = target_of(&text);
    let (along, original) =
        told(asked, target.as_ref(), |asked, at| (asked.came_along(at, &given), asked.original(at, &given)));
    let source = match original {
        _ if along => return Ok(ToldBind::Gone),
        Some(original) if original.text.starts_with('"') => {
            return Ok(ToldBind::Other(original.text.to_owned()));
        }
        Some(original) => Requested::of(original.text).map(|requested| requested.source),
        None => None,
    };
    let source = source.or_else(|| telling.path(shown, target.as_ref()));
    Ok(source.map_or(ToldBind::Same, |source| ToldBind::Other(quote(&format!("{source}:{rest}")))))
}

/// The propagation of a bind that says none; a volume has none to say.
const DEFAULT: &str = "rprivate";

/// A bind whose source is a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) struct Bind {
    /// The source.
    source: AskedPath,
    target: String,
    options: Option<String>,
}

/// Why a bind's text has no one reading.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BindError {
    /// More parts than the form has.
    #[error(
        "has more than two colons, and this form of bind cannot express a path with a colon: use --mount type=bind,…"
    )]
    Colons,
    /// An option says another path, as Podman's `upperdir=` does.
    #[error("has an option with another path, which hostward does not translate")]
    Path,
    /// The source holds a NUL byte.
    #[error("contains a NUL byte")]
    Nul,
    /// The source is longer than the kernel takes a path.
    #[error("has a source that is longer than {MOST_BYTES} bytes")]
    TooLong,
}

impl BindError {
    /// What is wrong with this text, which is left out where it is too long for anybody to read.
    fn of(&self, text: &str) -> String {
        if *self == Self::TooLong { format!("a bind {self}") } else { format!("{text:?} {self}") }
    }
}

impl Bind {
    /// Reads a bind; `None` where its source is no path of the host: a named volume, an anonymous one
    /// (`TARGET` alone), a Windows path (T13). A pipe of Windows (`//./pipe/…`) is a path to an engine on Linux.
    ///
    /// # Errors
    /// A path with a colon, which this form cannot spell.
    fn parse(text: &str) -> Result<Option<Self>, BindError> {
        if !text.starts_with('/') {
            return Ok(None);
        }
        let BindText { source: Some(source), target, options, has_more, .. } = BindText::of(text) else {
            return Ok(None);
        };
        if has_more {
            return Err(BindError::Colons);
        }
        let source = AskedPath::parse(source.as_bytes()).map_err(|error| match error {
            PathError::TooLong => BindError::TooLong,
            PathError::Empty | PathError::Relative | PathError::Nul => BindError::Nul,
        })?;
        if options.is_some_and(names_a_path) {
            return Err(BindError::Path);
        }
        Ok(Some(Self { source, target: target.to_owned(), options: options.map(str::to_owned) }))
    }

    /// The text with another source, all else kept to the letter (T12), read-only where that is forced (T8).
    fn with(&self, source: &str, read_only: bool) -> String {
        let options = match &self.options {
            options if !read_only => options.clone(),
            None => Some("ro".to_owned()),
            Some(options) => Some(forced(options)),
        };
        self.text(source, options)
    }

    /// The same bind with the propagation that the engine takes in its own directory.
    fn in_engine_directory(&self) -> Self {
        let options: Vec<_> = self.options().map(in_engine_directory).collect();
        if options.iter().copied().eq(self.options()) {
            return self.clone();
        }
        let options = options.into_iter().filter(|option| !option.is_empty()).collect::<Vec<_>>().join(",");
        Self { options: Some(options).filter(|options| !options.is_empty()), ..self.clone() }
    }

    /// The text for a volume, into which nothing is copied from the image.
    fn with_volume(&self, name: &str, read_only: bool) -> String {
        let mut parts: Vec<_> = self.options().filter(|part| !part.is_empty() && *part != DEFAULT).collect();
        if read_only && !self.is_read_only() {
            parts.retain(|part| *part != "rw");
            parts.push("ro");
        }
        if !parts.contains(&"nocopy") {
            parts.push("nocopy");
        }
        self.text(name, Some(parts.join(",")))
    }

    /// What it wants (T12): options that only a bind has are propagation and `z`.
    fn wish(&self) -> Wish {
        const SHARED: [&str; 8] = ["", "ro", "rw", "nocopy", "consistent", "cached", "delegated", DEFAULT];
        let plain = self.options().all(|option| SHARED.contains(&option));
        Wish { read_only: self.is_read_only(), plain, ..Wish::bind() }
    }

    /// Whether it asks to be read-only.
    fn is_read_only(&self) -> bool {
        self.options().any(|option| option == "ro")
    }

    /// Whether it gives the files to the container's user, whether it may write them or not (Podman's `U`).
    fn changes_owner(&self) -> bool {
        self.options().any(|option| option == "U")
    }

    fn options(&self) -> impl Iterator<Item = &str> {
        self.options.iter().flat_map(|options| options.split(','))
    }

    fn text(&self, source: &str, options: Option<String>) -> String {
        let options = options.map(|options| format!(":{options}")).unwrap_or_default();
        format!("{source}:{}{options}", self.target)
    }
}

/// The options with `ro` instead of `rw`, or at the end.
fn forced(options: &str) -> String {
    let mut parts: Vec<_> = options.split(',').map(|o| if o == "rw" { "ro" } else { o }).collect();
    if !parts.contains(&"ro") {
        parts.retain(|part| !part.is_empty());
        parts.push("ro");
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, read_only: bool) -> String {
        Bind::parse(text).unwrap().unwrap().with("/new", read_only)
    }

    #[test]
    fn options_are_kept_to_the_letter() {
        for options in ["", ":ro", ":rw,z", ":Z,rprivate,nocopy", ":", ":consistent,unknown"] {
            assert_eq!(with(&format!("/a b:/c{options}"), false), format!("/new:/c{options}"));
        }
    }

    #[test]
    fn in_the_engines_own_directory_it_takes_not_every_propagation() {
        let there =
            |text: &str| Bind::parse(text).unwrap().unwrap().in_engine_directory().with("/new", false);
        for (options, given) in [
            (":private", ""),
            (":ro,rprivate", ":ro"),
            (":slave,z", ":rslave,z"),
            (":shared", ":rshared"),
            (":rslave", ":rslave"),
            (":,ro", ":,ro"),
            ("", ""),
        ] {
            assert_eq!(there(&format!("/a:/c{options}")), format!("/new:/c{given}"), "{options}");
        }
    }

    #[test]
    fn read_only_is_forced_beside_what_was_asked() {
        for (options, forced) in
            [("", ":ro"), (":rw", ":ro"), (":ro", ":ro"), (":z,rw", ":z,ro"), (":z", ":z,ro"), (":", ":ro")]
        {
            assert_eq!(with(&format!("/a:/c{options}"), true), format!("/new:/c{forced}"), "{options}");
        }
    }

    #[test]
    fn volumes_and_windows_paths_are_no_paths_here() {
        for text in ["name:/c", "/c", "C:\\a:C:\\b", "", "./a:/c"] {
            assert_eq!(Bind::parse(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn a_volume_keeps_the_options_and_copies_nothing() {
        let with = |text: &str, read_only| Bind::parse(text).unwrap().unwrap().with_volume("v", read_only);
        assert_eq!(with("/a:/c", false), "v:/c:nocopy");
        assert_eq!(with("/a:/c:rw,cached", true), "v:/c:cached,ro,nocopy");
        assert_eq!(with("/a:/c:nocopy,ro", true), "v:/c:nocopy,ro");
        assert_eq!(with("/a:/c:", false), "v:/c:nocopy");
    }

    #[test]
    fn a_pipe_of_windows_is_a_path_and_a_path_in_an_option_is_an_error() {
        let bind = Bind::parse("//./pipe/../../etc:/d").unwrap().unwrap();
        assert_eq!(bind.source.clean().to_string(), "/etc");
        assert_eq!(Bind::parse("/a:/t:O,upperdir=/etc,workdir=/w"), Err(BindError::Path));
        assert_eq!(Bind::parse("/a:/t:rprivate").unwrap().unwrap().with_volume("v", false), "v:/t:nocopy");
    }

    #[test]
    fn what_is_asked_is_known() {
        let wish = |text: &str| Bind::parse(text).unwrap().unwrap().wish();
        assert_eq!(wish("/a:/b"), Wish::bind());
        assert!(Bind::parse("/a:/b:ro,U").unwrap().unwrap().changes_owner());
        assert!(wish("/a:/b:z,ro").read_only && !wish("/a:/b:z,ro").plain);
        assert!(wish("/a:/b:cached,rw").plain && !wish("/a:/b:rshared").plain);
        assert_eq!(target_of("v:/t/:ro").unwrap().to_string(), "/t");
        assert_eq!(target_of("/anonymous").unwrap().to_string(), "/anonymous");
        assert_eq!(target_of("v:relative"), None);
    }

    #[test]
    fn colons_in_paths_are_an_error() {
        assert_eq!(Bind::parse("/a:b:/c:ro"), Err(BindError::Colons));
        let long = format!("/{}:/c", "a/".repeat(2_100));
        assert_eq!(Bind::parse(&long), Err(BindError::TooLong));
        assert!(BindError::TooLong.of(&long).len() < 100);
    }
}
