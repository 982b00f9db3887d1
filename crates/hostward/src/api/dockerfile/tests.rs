use super::*;
use proptest::prelude::*;

fn args(args: &[(&str, Option<&str>)]) -> BuildArgs {
    let json: std::collections::BTreeMap<_, _> = args.iter().copied().collect();
    let bytes = serde_json::to_string(&json).unwrap().into_bytes();
    let escaped: Vec<_> = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
    BuildArgs::of(format!("/build?buildargs={}", escaped.concat()).as_bytes()).unwrap()
}

/// What a Dockerfile asks for, each with its line: `1 image`, `2 + address`, `3 ? what can become one`.
fn asks(text: &str, args: &BuildArgs) -> Result<Vec<String>, Unclear> {
    let claims = claims(text.as_bytes(), args).map_err(|error| error.why)?;
    let shown = |claim: &Claim| {
        let line = claim.place.trim_start_matches("line ").split(' ').next().unwrap().to_owned();
        match (claim.about, claim.text()) {
            (About::ImagePulled, Some(image)) => format!("{line} {image}"),
            (About::Image, Some(image)) => format!("{line} = {image}"),
            (About::BuildSource, Some(address)) => format!("{line} + {address}"),
            (About::BuildSource, None) => format!("{line} ? {}", claim.key.as_deref().unwrap()),
            other => panic!("{other:?}"),
        }
    };
    Ok(claims.iter().map(shown).collect())
}

#[test]
fn everyday_dockerfiles_ask_for_their_images_only() {
    let none = BuildArgs::default();
    for (text, expected) in [
        ("FROM busybox\n", &["1 busybox"][..]),
        ("# syntax=docker/dockerfile:1\nFROM busybox", &["2 busybox"]),
        ("\u{feff}FROM busybox\r\nRUN x \\\r\n  && y\r\nCOPY . .\r\n", &["1 busybox"]),
        ("FROM scratch\nADD rootfs.tar.xz /\nCMD [\"sh\"]\n", &[]),
        (
            "from golang:1.22 as build\nRUN go build\nFROM alpine\nCOPY --from=build /a /b\nCOPY --from=0 /a /b",
            &["1 golang:1.22", "3 alpine"],
        ),
        ("FROM a AS Base\nFROM base\nFROM base AS c\n", &["1 a"]),
        ("FROM --platform=linux/amd64 a AS b\nCOPY --chown=1:1 --from=nginx:1 /x /y", &["1 a", "2 nginx:1"]),
        ("FROM a\nADD --chown=1:1 app-$VERSION.tar.gz ./$X $TARGET", &["1 a"]),
        ("FROM a\nADD [ \"a b\", \"c\", \"$TARGET\" ]\nADD [a-z]*.txt /x/", &["1 a"]),
        ("FROM a\nRUN echo $((1<<2)) && cat <<< x && curl http://x/y <in\n", &["1 a"]),
        ("FROM a\nRUN echo \"a << b\" \"<<c\" 'd <<e' && cat<<f\n", &["1 a"]),
        (
            "FROM a\nENV U=http://x/y\nLABEL u=http://x\nHEALTHCHECK CMD curl http://x\nSHELL [\"sh\"]",
            &["1 a"],
        ),
        ("FROM sha256:0123abcd\n", &["1 = sha256:0123abcd"]),
        ("FROM a\nONBUILD COPY . /app\nONBUILD RUN make\n", &["1 a"]),
        ("# escape=`\nFROM a\nCOPY x C:\\\nRUN y `\n z\n", &["2 a"]),
        ("FROM a\nRUN sed 's/a/b\\\\\nc/'\n", &["1 a"]),
        ("", &[]),
    ] {
        assert_eq!(
            asks(text, &none).as_deref(),
            Ok(&expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..]),
            "{text}"
        );
    }
}

#[test]
fn addresses_are_seen_however_they_are_written() {
    let none = BuildArgs::default();
    for (text, expected) in [
        ("ADD http://h/x /", "1 + http://h/x"),
        ("\n\nadd \\\n# a comment\n\n  https://h/x /", "3 + https://h/x"),
        ("ADD a HTTP://h/x b /", "1 + HTTP://h/x"),
        ("ADD --chown=1:1 --x=\"a b\" http://h/x /", "1 + http://h/x"),
        ("ADD -- http://h/x /", "1 + http://h/x"),
        ("ADD [\"http://h/x\", \"/\"]", "1 + http://h/x"),
        ("ADD [\"\\u0068ttp://h/x\", \"/\"]", "1 + http://h/x"),
        ("ADD \"http://h/x\" /", "1 + http://h/x"),
        ("ADD 'ht't\"p://h\"/x /", "1 + http://h/x"),
        ("ADD \\http://h/x /", "1 + http://h/x"),
        ("ADD h\\ttp://h/x /", "1 + http://h/x"),
        ("ADD \"http://h/x y\" /", "1 + http://h/x"),
        ("# escape=`\nADD h`ttp://h/x /", "2 + http://h/x"),
        ("#comment\n# escape=`\nADD h`ttp://h/x /", "3 + http://h/x"),
        ("#comment\n# escape=`\nADD h\\ttp://h/x /", "3 + http://h/x"),
        ("ADD git@h:x.git /", "1 + git@h:x.git"),
        ("ADD git://h/x /", "1 + git://h/x"),
        ("ADD http://h/$X /", "1 ? http://h/$X"),
        ("ADD $X /", "1 ? $X"),
        ("ADD \"\"$X /", "1 ? \"\"$X"),
        ("ADD ${X:-http://h}/x /", "1 ? ${X:-http://h}/x"),
        ("ADD htt$X /", "1 ? htt$X"),
        ("ADD http://h/x", "1 + http://h/x"),
        ("ONBUILD ADD http://h/x /", "1 + http://h/x"),
        ("onbuild\u{b}onbuild add \\\n  http://h/x /", "1 + http://h/x"),
        // As a trigger it is read again, with the usual escape.
        ("# escape=`\nONBUILD ADD h\\ttp://h/x /", "2 + http://h/x"),
        // Whether the first line goes on depends on the engine.
        ("RUN x \\\\\nADD http://h/x /", "2 + http://h/x"),
    ] {
        let asked = asks(text, &none);
        assert!(
            asked.as_ref().is_ok_and(|asked| asked.iter().any(|one| one == expected)),
            "{text}: {asked:?}"
        );
    }
}

#[test]
fn variables_of_from_are_what_arg_and_the_request_say() {
    for (given, text, expected) in [
        (&[][..], "ARG R=docker.io\nFROM $R/x", Ok("docker.io/x")),
        (&[], "ARG R=\"docker.io\" T='1'\nFROM ${R}/x:${T}", Ok("docker.io/x:1")),
        (&[], "ARG R\nFROM ${R:-docker.io}/x", Ok("docker.io/x")),
        (&[], "ARG R=q\nFROM ${R:+docker.io}/x", Ok("docker.io/x")),
        (&[], "ARG R=\nFROM a${R:+b}", Ok("a")),
        (&[], "ARG A=x\nARG B=$A/y\nFROM ${B:-${A}}", Ok("x/y")),
        (&[("R", Some("evil:1"))], "ARG R=docker.io\nFROM $R/x", Ok("evil:1/x")),
        (&[("R", Some("evil:1"))], "ARG R\nFROM ${R:-docker.io}/x", Ok("evil:1/x")),
        (&[("A", Some("evil"))], "ARG A=x\nARG B=$A/y\nFROM $B", Ok("evil/y")),
        (&[("R", None)], "ARG R=x\nFROM $R", Err(Unclear::Variable("R".into()))),
        (&[("R", Some("x"))], "FROM $R", Err(Unclear::Variable("R".into()))),
        (&[], "ARG A=x B=$A\nFROM $B", Err(Unclear::Variable("B".into()))),
        (&[], "ARG A=$HTTP_PROXY\nFROM $A", Err(Unclear::Variable("A".into()))),
        (&[], "FROM x\nARG A=y\nFROM $A", Err(Unclear::Variable("A".into()))),
        (&[], "ARG A=x\nFROM ${A#y}", Err(Unclear::Form("${A#y}".into()))),
        (&[], "ARG A=x\nFROM ${A:?y}", Err(Unclear::Form("${A:?y}".into()))),
        (&[], "ARG A=x\nFROM $Aé", Err(Unclear::Form("$Aé".into()))),
        (&[], "FROM $", Err(Unclear::Form("$".into()))),
        (&[], "FROM 'a'\\b\"c\"", Ok("abc")),
    ] {
        let asked = asks(text, &args(given));
        let image = asked.map(|asked| asked.last().unwrap().split_once(' ').unwrap().1.to_owned());
        assert_eq!(image, expected.map(str::to_owned), "{text}");
    }
}

#[test]
fn what_engines_may_read_differently_is_refused() {
    for (text, expected) in [
        ("FROM a b", Unclear::From),
        ("FROM a A\u{17f} b", Unclear::From),
        ("FROM", Unclear::From),
        ("RUN cat <<EOF\nADD http://h/x /\nEOF", Unclear::HereDocument),
        ("RUN true << EOF", Unclear::HereDocument),
        ("RUN echo $((1 << 2))", Unclear::HereDocument),
        ("RUN echo \\\" <<\" x\"", Unclear::HereDocument),
        ("ONBUILD RUN cat <<EOF\nx\nEOF", Unclear::HereDocument),
        ("COPY <<-'x' /y", Unclear::HereDocument),
        ("ADD 3<<x /y", Unclear::HereDocument),
        ("ADD [\"http://h\\ud800/x\", \"/\"]", Unclear::List),
        ("ADD [\"a\", \"/\"] x", Unclear::List),
        ("ADD [\"a\", 1]", Unclear::List),
        ("COPY --from=$X a b", Unclear::CopyFrom),
        ("ONBU\u{130}LD ADD http://h/x /", Unclear::Name),
        ("ADD\u{a0}http://h/x /", Unclear::Name),
        ("RUN x\rADD http://h/x /", Unclear::Return),
        ("RUN x \\\r\r\nADD http://h/x /", Unclear::Return),
        ("ONBUILD ONBUILD ONBUILD ONBUILD ONBUILD ADD x /", Unclear::Deep),
    ] {
        assert_eq!(asks(text, &BuildArgs::default()), Err(expected), "{text}");
    }
    assert_eq!(claims(b"FROM \xff", &BuildArgs::default()).unwrap_err().why, Unclear::Bytes);
    assert_eq!(claims(&vec![b'\n'; 1 << 21], &BuildArgs::default()).unwrap_err().why, Unclear::Long);
    let deep = format!("FROM {}", "${A:-".repeat(100_000));
    assert!(asks(&format!("ARG A\n{deep}"), &BuildArgs::default()).is_err());
}

#[test]
fn a_later_stage_is_an_image_until_it_is_built() {
    let asked = |text: &str| asks(text, &BuildArgs::default()).unwrap();
    assert_eq!(
        asked("FROM a AS b\nCOPY --from=c /x /\nFROM d AS c\nCOPY --from=c / /"),
        ["1 a", "2 c", "3 d", "4 c"]
    );
    assert_eq!(
        asked("FROM a\nCOPY --from=0 / /\nFROM b\nCOPY --from=00 / /\nCOPY --from=+0 / /"),
        ["1 a", "2 0", "3 b", "5 +0"]
    );
}

#[test]
fn instructions_elsewhere_say_where() {
    let error = claims_of_text("COPY --from=$X a b", "OnBuild[0]").unwrap_err();
    assert!(error.to_string().starts_with("OnBuild[0]: --from has a variable"), "{error}");
    let asked = claims_of_text("CMD x\nONBUILD ADD http://h/x /", "the query's changes").unwrap();
    assert_eq!((asked.len(), &*asked[0].place), (1, "the query's changes"));
    // Hostward puts a change before them, so that a directive is none.
    let asked = claims_of_text("# escape=`\nONBUILD ADD \\\n http://h/x /", "the query's changes").unwrap();
    assert_eq!(asked.len(), 1);
}

proptest! {
    #[test]
    fn no_text_is_a_fault(text in "[ -~\n\t\u{e9}]{0,200}") {
        let _ = claims(text.as_bytes(), &BuildArgs::default());
    }

    #[test]
    fn an_address_is_seen_behind_anything_that_ends(before in "(RUN [a-z \\\\]{0,20}[a-z]\n|#[a-z=`\\\\]{0,20}\n|ENV [a-z]=\"[a-z]{0,9}\"\n){0,6}") {
        let text = format!("{before}ADD http://h/x /y\n");
        let claims = claims(text.as_bytes(), &BuildArgs::default()).unwrap();
        let sees = claims.iter().any(|claim| claim.about == About::BuildSource);
        prop_assert!(sees, "{}", text);
    }
}
