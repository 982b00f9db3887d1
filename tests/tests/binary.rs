//! The program is one static file that runs in any image.

use hostward_testkit::proxy;
use hostward_tests::{docker, on_each_engine};
use std::fs;

#[test]
fn the_program_is_static_and_small() {
    let program = fs::read(proxy::program().unwrap()).unwrap();
    assert!(program.len() < 12 << 20, "{} bytes", program.len());
    // ELF64: e_phoff, e_phentsize, e_phnum; a program that wants a loader has a segment of type PT_INTERP (3).
    let number = |at: usize, length: usize| {
        program[at..at + length].iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte))
    };
    let (offset, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    assert!(program.starts_with(b"\x7fELF\x02") && count > 0);
    assert!((0..count).all(|n| number(offset + n * size, 4) != 3), "the program wants a dynamic loader");
}

#[test]
fn it_runs_in_the_busybox_image() {
    on_each_engine(|engine| {
        let mount = format!("{}:/hostward:ro", proxy::program().unwrap().display());
        let run = ["run", "--rm", "-v", &mount, "busybox", "/hostward", "--version"];
        assert!(docker(engine, &engine.socket, &run).starts_with("hostward "));
    });
}
