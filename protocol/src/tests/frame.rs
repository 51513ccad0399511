//! The shape on the wire: one length, nothing hidden in what is unused, and room for the largest message.

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::levels;
use creditbay_crypto::merkle::verify::path_len;

use super::sample::{NOW, every_shape, largest_answer, largest_query, origin, query, refusals, seed, verdicts};
use crate::answer::{Answer, Reply};
use crate::evidence::Place;
use crate::frame::{Message, decode, encode, frame_bytes};
use crate::limits::{BODY_BYTES, FRAME_HEAD_BYTES, MAX_FRAME_BYTES, MAX_LEVELS};
use crate::query::Query;
use crate::refusal::Fault;
use crate::wire;

const PATH: usize = FRAME_HEAD_BYTES + BODY_BYTES;

fn place(index: u64, size: u64) -> Place {
    let path = (0..path_len(index, size).unwrap()).map(|at| Digest([at as u8 + 1; 32])).collect();
    Place { origin: origin("gz"), index, size, path }
}

fn frame<M: Message>(message: &M, index: u64, size: u64) -> Vec<u8> {
    encode(message, NOW, &seed(9), &place(index, size))
}

fn refused(frame: &[u8]) -> Fault {
    decode::<Query>(frame).err().unwrap()
}

#[test]
fn a_frame_comes_back() {
    for (index, size) in [(0, 1), (0, 2), (1, 2), (4, 5), (3, 8), (699, 700), ((1 << 40) - 1, 1 << 40)] {
        let frame = frame(&query(&every_shape()), index, size);
        let logged = decode::<Query>(&frame).ok().unwrap();
        assert_eq!((logged.message, logged.time, logged.place), (query(&every_shape()), NOW, place(index, size)));
        assert_eq!(logged.seed.expose(), seed(9).expose());
    }
}

#[test]
fn query_answer_and_refusal_have_one_length_under_one_size() {
    for (index, size) in [(0, 1), (4, 5), (7, 8), (8, 9), (1_000_000, 1_000_001)] {
        let mut lengths = vec![
            frame(&query(&every_shape()[..1]), index, size).len(),
            frame(&largest_query(), index, size).len(),
            frame(&largest_answer(), index, size).len(),
            frame(&Answer { query: Digest([0; 32]), reply: verdicts(1, 0) }, index, size).len(),
        ];
        let replies = refusals().map(|refusal| Answer { query: Digest([0; 32]), reply: Reply::Refused(refusal) });
        lengths.extend(replies.map(|answer| frame(&answer, index, size).len()));
        assert_eq!(lengths, vec![frame_bytes(size); 4 + refusals().len()], "size {size}");
        assert_eq!(frame_bytes(size), 1032 + 32 * levels(size) as usize);
    }
}

#[test]
fn the_largest_messages_fit_and_the_sums_of_limits_are_right() {
    let envelope = 8 + 32 + 36 + 8 + 8;
    assert_eq!(envelope, 92);
    assert_eq!(envelope + wire::encode(&largest_query()).len(), 92 + 132 + (8 + 8 * 15) + 33 + 229 + 37);
    assert_eq!(envelope + wire::encode(&largest_query()).len(), 651);
    assert_eq!(envelope + wire::encode(&largest_answer()).len(), 92 + 41 + 8 * 16 + 24 * 9 + 2 * 8);
    assert_eq!(envelope + wire::encode(&largest_answer()).len(), 493);
    for shape in every_shape() {
        assert!(wire::encode(&query(&[shape; 8])).len() <= wire::encode(&largest_query()).len(), "{shape}");
    }
    for refusal in refusals() {
        assert!(wire::encode(&Reply::Refused(refusal)).len() <= wire::encode(&largest_answer().reply).len());
    }
    let frame = frame(&largest_answer(), 5, 1 << 40);
    assert_eq!(frame.len(), MAX_FRAME_BYTES);
    assert_eq!(u32::from_le_bytes(frame[4..8].try_into().unwrap()), 493, "the body's length");
    assert_eq!(decode::<Answer>(&frame).ok().unwrap().message, largest_answer());
}

#[test]
fn every_byte_of_padding_and_of_unused_slots_is_zero() {
    // Leaf 4 of 5 has a path of 1 hash where the tree has 3 levels.
    let frame = frame(&query(&every_shape()), 4, 5);
    let body_end = FRAME_HEAD_BYTES + u32::from_le_bytes(frame[4..8].try_into().unwrap()) as usize;
    assert_eq!((frame.len(), path_len(4, 5)), (PATH + 3 * 32, Some(1)));
    let unused = (body_end..PATH).chain(PATH + 32..frame.len());
    assert!(unused.clone().count() > 700);
    for at in unused {
        for byte in [1, 0x80, 0xff] {
            assert_eq!(frame[at], 0);
            let mut forged = frame.clone();
            forged[at] = byte;
            assert_eq!(refused(&forged), Fault::Malformed, "byte {at}");
        }
    }
}

#[test]
fn another_length_is_malformed_and_a_length_beyond_all_is_oversized() {
    let frame = frame(&query(&every_shape()), 4, 5);
    for cut in 0..frame.len() {
        assert_eq!(refused(&frame[..cut]), Fault::Malformed, "cut at {cut}");
    }
    for more in [1, 31, 32, 64] {
        assert_eq!(refused(&[frame.as_slice(), &vec![0; more]].concat()), Fault::Malformed, "{more} more");
    }
    assert_eq!(refused(&vec![0; MAX_FRAME_BYTES]), Fault::Malformed);
    assert_eq!(refused(&vec![0; MAX_FRAME_BYTES + 1]), Fault::Oversized);
}

#[test]
fn every_field_of_the_head_is_held_against_the_rest() {
    let frame = frame(&query(&every_shape()), 4, 5);
    for at in 0..FRAME_HEAD_BYTES {
        for byte in (0..=u8::MAX).filter(|byte| *byte != frame[at]) {
            let mut forged = frame.clone();
            forged[at] = byte;
            assert_eq!(refused(&forged), Fault::Malformed, "byte {at} as {byte}");
        }
    }
    // One level more, with the slot for it.
    let mut levels = [frame.as_slice(), &[0; 32]].concat();
    levels[2] += 1;
    assert_eq!(refused(&levels), Fault::Malformed);
    let mut levels = vec![0; MAX_FRAME_BYTES];
    levels[..frame.len()].copy_from_slice(&frame);
    levels[2] = MAX_LEVELS as u8 + 1;
    assert_eq!(refused(&levels), Fault::Malformed);
}

#[test]
fn an_index_beyond_the_size_and_a_size_of_nothing_are_malformed() {
    let (index, size) = (FRAME_HEAD_BYTES + 8 + 32 + 36, FRAME_HEAD_BYTES + 8 + 32 + 36 + 8);
    let of = |message: &[u8], at: usize, value: u64| {
        let mut forged = message.to_vec();
        forged[at..at + 8].copy_from_slice(&value.to_le_bytes());
        decode::<Query>(&forged).err()
    };
    let five = frame(&query(&every_shape()), 4, 5);
    for value in [5, 8, u64::MAX] {
        assert_eq!(of(&five, index, value), Some(Fault::Malformed), "index {value}");
    }
    for value in [0, 1, 4, 9, u64::MAX] {
        assert_eq!(of(&five, size, value), Some(Fault::Malformed), "size {value}");
    }
    let one = frame(&query(&every_shape()), 0, 1);
    assert_eq!(of(&one, size, 0), Some(Fault::Malformed));
}
