//! A Dockerfile, read as Docker's classic builder reads it: which images it has pulled, and which addresses it has fetched.
//!
//! Threat model: who writes it wants the engine to connect where no profile allows it, and so wants an instruction to be seen by the
//! engine alone. All engines have read Dockerfiles with `buildkit/frontend/dockerfile/parser`, but not with one version of it. Where
//! its versions differ, a text is read in each way that one of them has, and all that any of them sees is judged; what cannot be said
//! is refused. All other instructions, and those that nobody knows, are left to the engine: they do not make it connect.

mod args; // what `ARG` and the request say variables are
mod error; // why it cannot be judged
mod expand; // the words of a shell
mod lines; // instructions, over several lines
mod words; // the words of an instruction

pub use args::BuildArgs;
pub use error::{DockerfileError, Unclear};

use crate::policy::claim::{About, Claim, Said};
use crate::policy::image::ImageName;
use args::MetaArgs;
use expand::{Expanded, literal_beginning};
use lines::{Dialect, Instruction};
use std::collections::BTreeMap;
use words::Flags;

/// No Dockerfile is longer. Most have a few kilobytes.
pub const MOST_BYTES: u64 = 1 << 20;

/// So many images and addresses can be in it.
const MOST_CLAIMS: usize = 4096;

/// So many triggers can be in one another. Engines take one.
const DEEPEST: usize = 4;

/// The image that is none.
const SCRATCH: &str = "scratch";

/// What a Dockerfile asks the engine for.
///
/// # Errors
/// What its engine may read differently.
pub fn claims(text: &[u8], args: &BuildArgs) -> Result<Vec<Claim>, DockerfileError> {
    read(text, &InstructionSource::Dockerfile, args, 0)
}

/// What instructions ask for that stand elsewhere in a request, at this place of it: an `OnBuild`, or `changes` to an image.
///
/// # Errors
/// As for [`claims`].
pub fn claims_of_text(text: &str, place: &str) -> Result<Vec<Claim>, DockerfileError> {
    read(text.as_bytes(), &InstructionSource::Request(place), &BuildArgs::default(), 0)
}

/// Where instructions stand.
#[derive(Debug, Clone, Copy)]
enum InstructionSource<'a> {
    /// In a file, by their lines.
    Dockerfile,
    /// In a request, at this place.
    Request(&'a str),
    /// In an `ONBUILD` in this line of a file.
    Trigger(usize),
}

impl InstructionSource<'_> {
    /// A line of it, for people.
    fn place(&self, line: usize) -> String {
        match self {
            Self::Dockerfile => format!("line {line} of the Dockerfile"),
            Self::Trigger(line) => format!("line {line} of the Dockerfile"),
            Self::Request(place) => (*place).to_owned(),
        }
    }
}

fn read(
    text: &[u8],
    source: &InstructionSource<'_>,
    args: &BuildArgs,
    depth: usize,
) -> Result<Vec<Claim>, DockerfileError> {
    let unclear = |line, why| DockerfileError { place: source.place(line), why };
    if text.len() as u64 > MOST_BYTES {
        return Err(unclear(1, Unclear::Long));
    }
    let text = str::from_utf8(text).map_err(|_| unclear(1, Unclear::Bytes))?;
    let mut claims: Vec<Claim> = Vec::new();
    for dialect in Dialect::of(text, matches!(source, InstructionSource::Dockerfile)) {
        let lines = lines::instructions(text, dialect).map_err(|(line, why)| unclear(line, why))?;
        let mut reading = DockerfileReading {
            source,
            args: MetaArgs::new(args),
            stages: 0,
            named: BTreeMap::new(),
            dialect,
            depth,
            claims: Vec::new(),
        };
        for line in lines.iter() {
            reading.instruction(&line).map_err(|why| match why {
                Stopped::Unclear(why) => unclear(line.number, why),
                Stopped::Within(error) => error,
            })?;
        }
        for claim in reading.claims {
            if claims.len() >= MOST_CLAIMS {
                return Err(unclear(1, Unclear::Many));
            }
            if !claims.contains(&claim) {
                claims.push(claim);
            }
        }
    }
    Ok(claims)
}

/// Why reading stops.
enum Stopped {
    /// At this instruction.
    Unclear(Unclear),
    /// Within a trigger.
    Within(DockerfileError),
}

impl From<Unclear> for Stopped {
    fn from(why: Unclear) -> Self {
        Self::Unclear(why)
    }
}

/// A Dockerfile while it is read, in one way.
struct DockerfileReading<'a> {
    source: &'a InstructionSource<'a>,
    /// What `FROM` can be made of.
    args: MetaArgs<'a>,
    /// How many stages there are so far. The last one is being built.
    stages: usize,
    /// Those of them that have a name, in small letters: the first of each name.
    named: BTreeMap<String, usize>,
    dialect: Dialect,
    depth: usize,
    claims: Vec<Claim>,
}

impl DockerfileReading<'_> {
    fn instruction(&mut self, line: &Instruction<'_>) -> Result<(), Stopped> {
        let name = line.name.to_ascii_lowercase();
        if !name.is_ascii() {
            // Go makes ASCII letters of some others.
            return Err(Unclear::Name.into());
        }
        if matches!(&*name, "run" | "add" | "copy") && words::has_here_document(line.rest) {
            return Err(Unclear::HereDocument.into());
        }
        match &*name {
            "from" => self.from(line)?,
            "arg" if self.stages == 0 => self.args.declare(words::flags(line.rest).rest, self.dialect.escape),
            "add" => self.add(line)?,
            "copy" => self.copy(line)?,
            "onbuild" => return self.trigger(line),
            _ => {}
        }
        Ok(())
    }

    /// `FROM [--platform=…] IMAGE [AS NAME]`
    fn from(&mut self, line: &Instruction<'_>) -> Result<(), Unclear> {
        let rest = words::flags(line.rest).rest;
        let words: Vec<_> = words::split(rest).collect();
        let (image, name) = match *words {
            [image] => (image, None),
            [image, r#as, name] if r#as.eq_ignore_ascii_case("as") => (image, Some(name)),
            _ => return Err(Unclear::From),
        };
        let image = self.args.expand(image, self.dialect.escape)?;
        if !self.named.contains_key(&image.to_lowercase()) && image != SCRATCH {
            self.image(&image, line.number)?;
        }
        if let Some(name) = name {
            self.named.entry(name.to_lowercase()).or_insert(self.stages);
        }
        self.stages += 1;
        Ok(())
    }

    /// `COPY [--from=IMAGE] …`
    fn copy(&mut self, line: &Instruction<'_>) -> Result<(), Unclear> {
        let Flags { flags, .. } = words::flags(line.rest);
        for from in flags.iter().filter_map(|flag| flag.strip_prefix("--from=")) {
            if from.contains('$') {
                return Err(Unclear::CopyFrom);
            }
            if !from.is_empty() && !self.is_earlier_stage(from) {
                self.image(from, line.number)?;
            }
        }
        Ok(())
    }

    /// Whether a text means a stage that has been built: by its name, or its number.
    fn is_earlier_stage(&self, text: &str) -> bool {
        let is_earlier = |stage: usize| stage + 1 < self.stages;
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        self.named.get(&text.to_lowercase()).copied().is_some_and(is_earlier)
            || (is_number && text.parse().is_ok_and(is_earlier))
    }

    /// `ADD [--chown=…] SOURCE … TARGET`
    fn add(&mut self, line: &Instruction<'_>) -> Result<(), Unclear> {
        let list = words::list(words::flags(line.rest).rest)?;
        let sources = &list[..list.len().saturating_sub(1).max(1).min(list.len())];
        for source in sources {
            let said = match literal_beginning(source, self.dialect.escape) {
                Expanded::Whole(text) if is_address(&text) => Said::Text(text),
                Expanded::Beginning(text) if is_address(&text) || may_become_address(&text) => Said::Present,
                Expanded::Whole(_) | Expanded::Beginning(_) => continue,
            };
            // What is only a name to people, where it is not known.
            let key = matches!(said, Said::Present).then(|| source.to_string());
            self.claim(About::BuildSource, key, said, line.number)?;
        }
        Ok(())
    }

    /// `ONBUILD INSTRUCTION`, which is read as a Dockerfile of its own when somebody builds from the image.
    fn trigger(&mut self, line: &Instruction<'_>) -> Result<(), Stopped> {
        if self.depth == DEEPEST {
            return Err(Unclear::Deep.into());
        }
        let source = match self.source {
            InstructionSource::Dockerfile => &InstructionSource::Trigger(line.number),
            within => within,
        };
        let within = read(line.rest.as_bytes(), source, &BuildArgs::default(), self.depth + 1);
        self.claims.extend(within.map_err(Stopped::Within)?);
        Ok(())
    }

    /// An image that the engine uses, and pulls where it does not have it.
    fn image(&mut self, image: &str, line: usize) -> Result<(), Unclear> {
        let is_id = ImageName::parse(image).is_some_and(|name| name.is_id());
        let about = if is_id { About::Image } else { About::ImagePulled };
        self.claim(about, None, Said::Text(image.to_owned()), line)
    }

    fn claim(&mut self, about: About, key: Option<String>, said: Said, line: usize) -> Result<(), Unclear> {
        if self.claims.len() == MOST_CLAIMS {
            return Err(Unclear::Many);
        }
        self.claims.push(Claim { about, place: self.source.place(line), key, said });
        Ok(())
    }
}

/// What an engine takes for an address, and what one could take for it: none of them is the name of a file in a context.
fn is_address(source: &str) -> bool {
    let lower = source.to_ascii_lowercase();
    let scheme = lower.split_once("://").map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b))
    };
    scheme.is_some_and(is_scheme) || ADDRESSES.iter().any(|beginning| lower.starts_with(beginning))
}

/// Whether an address could begin like this.
fn may_become_address(beginning: &str) -> bool {
    let lower = beginning.to_ascii_lowercase();
    ADDRESSES.iter().any(|address| address.starts_with(&*lower))
}

/// What addresses begin with that engines fetch.
const ADDRESSES: [&str; 4] = ["http://", "https://", "git://", "git@"];

#[cfg(test)]
mod tests;
