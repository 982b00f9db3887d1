#[no_mangle]
pub static WORDS: &str = include_str!("../words.txt");
