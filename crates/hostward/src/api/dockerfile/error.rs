//! Why instructions cannot be judged.

/// Instructions that engines may read differently, or that say what nobody can know beforehand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct DockerfileError {
    /// Where: a line, or a place in the request.
    pub place: String,
    /// What is not clear.
    pub why: Unclear,
}

/// What is not clear.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// It is longer than anybody's.
    #[error("it is longer than 1 MiB, which is hostward's limit; put what is long into files that it copies")]
    Long,
    /// It is no text.
    #[error("it has bytes that are not UTF-8, which engines may read differently; write it in UTF-8")]
    Bytes,
    /// A carriage return that ends no line.
    #[error("it has a carriage return that ends no line, which engines may read differently; remove it")]
    Return,
    /// An instruction's name is not of ASCII letters.
    #[error("the instruction's name has letters that are not ASCII; write it in plain letters")]
    Name,
    /// `FROM` with other words.
    #[error("FROM wants an image, or an image AS a name")]
    From,
    /// A here-document.
    #[error("it has a here-document (<<), which only BuildKit reads; write a file, and COPY it")]
    HereDocument,
    /// A list in JSON that is none.
    #[error("it begins like a list in JSON and is none; write [\"SOURCE\", \"TARGET\"], or no brackets")]
    List,
    /// A variable in `COPY --from`.
    #[error(
        "--from has a variable, which the classic builder does not expand; write the image or the stage out"
    )]
    CopyFrom,
    /// A variable of which it is not known what it is.
    #[error(
        "the variable {0} is not known beforehand; declare it with ARG NAME=VALUE before the first FROM, without other \
         variables than those, or write the image out"
    )]
    Variable(String),
    /// A form of variables that not all engines have.
    #[error(
        "{0:?} has more than $NAME, ${{NAME}}, ${{NAME:-WORD}} and ${{NAME:+WORD}}; write it in these, or out"
    )]
    Form(String),
    /// More images and addresses than anybody names.
    #[error("it names more than 4096 images and addresses, which is hostward's limit")]
    Many,
    /// Triggers within triggers.
    #[error("an ONBUILD is within too many others; engines take one that is in none")]
    Deep,
}
