//! SHA-256 of a tree's short inputs, a byte of domain separation before each (FIPS 180-4, 5.1.1 and 6.2): padded on the stack, compressed
//! in one call.
//!
//! A tree hashes a leaf of some hundred bytes and a node of 65 at a time, where setting up a hasher costs as much as a block. Deliberately
//! not here: what the bytes mean (`merkle`), longer inputs (`hash`).

use sha2::block_api::compress256;

use crate::hash::Digest;

/// Bytes of a block.
const BLOCK: usize = 64;
/// The longest input in blocks.
const MAX_BLOCKS: usize = 8;
/// The byte behind the message and the eight of its length.
const PADDING: usize = 1 + 8;

/// The first 32 bits of the fractional parts of the square roots of the first eight primes (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// SHA-256(prefix ‖ parts), or nothing where that is longer than 503 bytes.
pub(super) fn of_short(prefix: u8, parts: &[&[u8]]) -> Option<Digest> {
    let length = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    // A node has two blocks; whatever has more than it needs is cleared in vain.
    match (length + PADDING).div_ceil(BLOCK) {
        count @ ..=2 => Some(of_blocks::<2>(count, length, prefix, parts)),
        count @ 3..=5 => Some(of_blocks::<5>(count, length, prefix, parts)),
        count @ 6..=MAX_BLOCKS => Some(of_blocks::<MAX_BLOCKS>(count, length, prefix, parts)),
        _ => None,
    }
}

fn of_blocks<const MOST: usize>(count: usize, length: usize, prefix: u8, parts: &[&[u8]]) -> Digest {
    let mut blocks = [[0; BLOCK]; MOST];
    let blocks = &mut blocks[..count];
    let bytes = blocks.as_flattened_mut();
    bytes[0] = prefix;
    let mut end = 1;
    for part in parts {
        bytes[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    bytes[end] = 0x80;
    let bits = (length as u64 * 8).to_be_bytes();
    bytes[count * BLOCK - bits.len()..].copy_from_slice(&bits);
    let mut state = INITIAL;
    compress256(&mut state, blocks);
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    Digest(digest)
}

#[cfg(test)]
mod tests {
    use super::of_short;
    use crate::hash::Digest;

    /// Each length up to the longest, whole and in two parts, against another implementation.
    #[test]
    fn every_length_hashes_as_the_whole_does_elsewhere() {
        let bytes: Vec<u8> = (0..=255).cycle().take(600).collect();
        for length in 0..=502 {
            let whole = &bytes[..length];
            let expected = Digest::concat(&[&[7], whole]);
            assert_eq!(of_short(7, &[whole]), Some(expected), "{length}");
            let (left, right) = whole.split_at(length / 3);
            assert_eq!(of_short(7, &[left, right]), Some(expected), "{length} in parts");
        }
    }

    #[test]
    fn a_longer_input_is_not_taken() {
        assert_eq!(of_short(0, &[&[0; 503]]), None);
        assert_eq!(of_short(0, &[&[0; 65_535], &[]]), None);
    }
}
