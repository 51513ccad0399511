//! Inputs made out of inputs: bits flipped, parts cut out, doubled and spliced, numbers and words of the formats put in. A seed determines
//! everything.
//!
//! Not here: guidance by coverage; that is libFuzzer's (`fuzz/`).

/// Bytes of the longest input that is made.
pub(crate) const MAX_INPUT_BYTES: usize = 64 * 1024;
/// Changes of one input at most.
const MAX_CHANGES: u64 = 6;

const NUMBERS: [u64; 14] =
    [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, i64::MAX as u64, u64::MAX];

/// What the formats are made of, and what has no place in them.
const WORDS: [&str; 48] = [
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "\0",
    "— ",
    " ",
    ",",
    "\"",
    "'",
    "+",
    "=",
    ":",
    "#",
    "\u{feff}",
    "中",
    "\u{202e}",
    "é",
    "0",
    "00",
    "-1",
    "1e9",
    "18446744073709551615",
    "9223372036854775808",
    "1099511627777",
    "2026-02-30",
    "0000-00-00",
    "9999-12-31",
    "440106199003071231",
    "A123456(3)",
    "H12345678",
    "91440101MA9XTEAT0A",
    "extra AAAA\n",
    "index 0\n",
    "old 0\n",
    "/log/1",
    "tile/entries/",
    ".p/1",
    "{}",
    "[]",
    "null",
    "true",
    "<fields>",
    "</fields>",
    "<!DOCTYPE x>",
    "<![CDATA[",
    "&#0;",
    "[[region]]\n",
];

/// A row of numbers that a seed determines (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// The row of a name.
    pub(crate) fn of(name: &str, number: u64) -> Self {
        Self(
            name.bytes()
                .fold(number ^ 0xcbf2_9ce4_8422_2325, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)),
        )
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// One of the inputs, changed.
pub(crate) fn mutated(chance: &mut Chance, inputs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = inputs[chance.below(inputs.len())].clone();
    for _ in 0..=chance.next() % MAX_CHANGES {
        change(chance, &mut bytes, inputs);
    }
    bytes.truncate(MAX_INPUT_BYTES);
    bytes
}

fn change(chance: &mut Chance, bytes: &mut Vec<u8>, inputs: &[Vec<u8>]) {
    let at = chance.below(bytes.len() + 1);
    match chance.below(12) {
        0..=1 => flip(chance, bytes),
        2 => set(chance, bytes),
        3 => number(chance, bytes),
        4 => insert(bytes, at, WORDS[chance.below(WORDS.len())].as_bytes()),
        5 => replace(chance, bytes),
        6 => drop(bytes.drain(range(chance, bytes.len()))),
        7 => {
            let doubled = bytes[range(chance, bytes.len())].to_vec();
            insert(bytes, at, &doubled);
        }
        8 => {
            let other = &inputs[chance.below(inputs.len())];
            insert(bytes, at, &other[range(chance, other.len())]);
        }
        9 => bytes.truncate(at),
        10 => lines(chance, bytes),
        _ => digit(chance, bytes),
    }
}

fn range(chance: &mut Chance, len: usize) -> std::ops::Range<usize> {
    let start = chance.below(len + 1);
    start..start + chance.below((len - start).min(64) + 1)
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}

fn flip(chance: &mut Chance, bytes: &mut [u8]) {
    let at = chance.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << chance.below(8);
    }
}

fn set(chance: &mut Chance, bytes: &mut [u8]) {
    let at = chance.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte = chance.next() as u8;
    }
}

/// One of the numbers in one of the widths, in either order of bytes.
fn number(chance: &mut Chance, bytes: &mut [u8]) {
    let (number, width) = (NUMBERS[chance.below(NUMBERS.len())], [1, 2, 4, 8][chance.below(4)]);
    let at = chance.below(bytes.len());
    let written = if chance.below(4) == 0 { number.swap_bytes() } else { number }.to_le_bytes();
    bytes[at..].iter_mut().zip(&written[..width]).for_each(|(byte, new)| *byte = *new);
}

/// A word of the formats in the place of a part.
fn replace(chance: &mut Chance, bytes: &mut Vec<u8>) {
    let (gone, word) = (range(chance, bytes.len()), WORDS[chance.below(WORDS.len())]);
    bytes.splice(gone, word.bytes());
}

/// Drops, doubles or swaps a line.
fn lines(chance: &mut Chance, bytes: &mut Vec<u8>) {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
    match chance.below(3) {
        0 => drop(lines.remove(one)),
        1 => lines.insert(other, lines[one].clone()),
        _ => lines.swap(one, other),
    }
    *bytes = lines.concat();
}

/// Another digit, so that numbers and dates in texts stay numbers.
fn digit(chance: &mut Chance, bytes: &mut [u8]) {
    let from = chance.below(bytes.len());
    let new = b'0' + chance.below(10) as u8;
    if let Some(digit) = bytes[from..].iter_mut().find(|byte| byte.is_ascii_digit()) {
        *digit = new;
    }
}

#[test]
fn a_seed_determines_every_input() {
    let inputs = [b"one\ntwo\n1234".to_vec(), Vec::new()];
    let row = |number| {
        let mut chance = Chance::of("target", number);
        (0..2000).map(|_| mutated(&mut chance, &inputs)).collect::<Vec<_>>()
    };
    assert_eq!(row(1), row(1));
    assert_ne!(row(1), row(2));
    let mut distinct = row(1);
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() > 1000, "{} distinct inputs", distinct.len());
}
