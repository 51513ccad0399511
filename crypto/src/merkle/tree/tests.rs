//! Roots, proofs, frontier and window against the definitions of RFC 9162 and known figures.

use super::{Frontier, MissingNode, Nodes, TreeError, Window, consistency, inclusion, root};
use crate::hash::Digest;
use crate::merkle::MAX_LEAVES;
use crate::merkle::naive::{NaiveTree, figures, leaves};

#[test]
fn the_known_roots_of_certificate_transparency() {
    let leaves = NaiveTree::of(&figures::LEAVES);
    let mut frontier = Frontier::empty();
    for (size, expected) in figures::ROOTS.iter().enumerate() {
        assert_eq!(&root(size as u64, &leaves).unwrap().to_string(), expected, "size {size}");
        assert_eq!(&frontier.root().to_string(), expected, "size {size}");
        frontier.push(leaves.0.get(size).copied().unwrap_or(Digest([0; 32])));
    }
}

/// Every size up to 130, every leaf, every pair of sizes, against the definitions of RFC 9162 written down recursively.
#[test]
fn roots_and_proofs_agree_with_the_definitions() {
    let tree = NaiveTree(leaves(130));
    for size in 0..=130 {
        assert_eq!(root(size, &tree), Ok(tree.root(size)), "size {size}");
        for index in 0..size {
            assert_eq!(inclusion(index, size, &tree), Ok(tree.inclusion(index, size)), "{index} in {size}");
        }
        for old in 1..=size {
            assert_eq!(consistency(old, size, &tree), Ok(tree.consistency(old, size)), "{old} to {size}");
        }
    }
}

#[test]
fn a_frontier_has_the_root_at_every_size_and_can_be_put_together_again() {
    let tree = NaiveTree(leaves(130));
    let mut frontier = Frontier::empty();
    for (size, leaf) in tree.0.iter().enumerate() {
        assert_eq!((frontier.size(), frontier.root()), (size as u64, tree.root(size as u64)));
        let again = Frontier::from_roots(frontier.size(), frontier.roots().to_vec());
        assert_eq!(again.as_ref(), Some(&frontier));
        frontier.push(*leaf);
    }
}

#[test]
fn a_frontier_of_the_wrong_parts_is_refused() {
    assert_eq!(Frontier::from_roots(5, vec![Digest([1; 32])]), None);
    assert_eq!(Frontier::from_roots(5, vec![Digest([1; 32]); 3]), None);
    assert_eq!(Frontier::from_roots(0, vec![Digest([1; 32])]), None);
    assert!(Frontier::from_roots(MAX_LEAVES, vec![Digest([1; 32]); 63]).is_some());
    assert_eq!(Frontier::from_roots(MAX_LEAVES + 1, vec![Digest([1; 32])]), None);
}

#[test]
fn no_proof_beyond_the_tree() {
    let tree = NaiveTree(leaves(4));
    assert_eq!(inclusion(4, 4, &tree), Err(TreeError::OutOfRange { index: 4, size: 4 }));
    assert_eq!(inclusion(0, 0, &tree), Err(TreeError::OutOfRange { index: 0, size: 0 }));
    assert_eq!(consistency(4, 3, &tree), Err(TreeError::OutOfRange { index: 4, size: 3 }));
    assert_eq!(consistency(0, 4, &tree), Ok(Vec::new()));
}

struct Lost;

impl Nodes for Lost {
    type Error = (u32, u64);

    fn node(&self, level: u32, index: u64) -> Result<Digest, (u32, u64)> {
        Err((level, index))
    }
}

#[test]
fn a_missing_hash_is_passed_on() {
    assert_eq!(root(6, &Lost), Err((1, 2)));
    assert_eq!(inclusion(2, 6, &Lost), Err(TreeError::Nodes((0, 3))));
    assert_eq!(consistency(6, 7, &Lost), Err(TreeError::Nodes((1, 2))));
}

/// Places only the sums, not the hashes, to the test: no overflow at the largest sizes.
#[test]
fn the_largest_trees_have_proofs() {
    struct Same;
    impl Nodes for Same {
        type Error = std::convert::Infallible;
        fn node(&self, _: u32, _: u64) -> Result<Digest, Self::Error> {
            Ok(Digest([7; 32]))
        }
    }
    for size in [MAX_LEAVES, MAX_LEAVES + 1, u64::MAX - 1, u64::MAX] {
        for index in [0, 1, size / 2, size - 2, size - 1] {
            let expected = crate::merkle::verify::path_len(index, size);
            assert_eq!(inclusion(index, size, &Same).ok().map(|path| path.len()), expected, "{index} in {size}");
            assert!(consistency(index, size, &Same).is_ok());
        }
    }
}

fn frontier(tree: &NaiveTree, size: usize) -> Frontier {
    let mut frontier = Frontier::empty();
    tree.0[..size].iter().for_each(|leaf| frontier.push(*leaf));
    frontier
}

fn window(tree: &NaiveTree, start: usize, size: usize) -> Window {
    let mut window = Window::from_frontier(&frontier(tree, start));
    tree.0[start..size].iter().for_each(|leaf| window.push(*leaf));
    window
}

/// Every root and proof that the window promises, against the definitions.
fn check(window: &Window, tree: &NaiveTree) {
    let (start, end) = (window.start(), window.size());
    assert_eq!(window.root(), tree.root(end));
    for size in start..=end {
        assert_eq!(root(size, window), Ok(tree.root(size)), "root at {size}, window from {start}");
        for index in start..size {
            assert_eq!(inclusion(index, size, window), Ok(tree.inclusion(index, size)), "{index} in {size}, window from {start}");
        }
        for old in start.max(1)..=size {
            assert_eq!(consistency(old, size, window), Ok(tree.consistency(old, size)), "{old} to {size}, window from {start}");
        }
    }
}

#[test]
fn a_window_from_any_frontier_proves_all_that_follows() {
    let tree = NaiveTree(leaves(70));
    for start in 0..=70 {
        check(&window(&tree, start, 70), &tree);
    }
}

#[test]
fn a_window_has_the_frontiers_root_at_every_size() {
    let tree = NaiveTree(leaves(130));
    let (mut frontier, mut window) = (Frontier::empty(), Window::from_frontier(&Frontier::empty()));
    for leaf in &tree.0 {
        assert_eq!((window.size(), window.root()), (frontier.size(), frontier.root()));
        frontier.push(*leaf);
        window.push(*leaf);
    }
}

#[test]
fn forgetting_leaves_what_the_later_proofs_need_and_no_more() {
    let tree = NaiveTree(leaves(70));
    for leaf_index in 0..=70 {
        let mut forgetful = window(&tree, 0, 70);
        forgetful.forget_before(leaf_index);
        check(&forgetful, &tree);
        let fresh = window(&tree, leaf_index as usize, 70);
        for level in 0..8 {
            let held: Vec<_> = forgetful.completed_since(level, 0).collect();
            assert_eq!(held, fresh.completed_since(level, 0).collect::<Vec<_>>(), "level {level} from leaf {leaf_index}");
        }
    }
}

#[test]
fn a_window_goes_on_after_forgetting() {
    let tree = NaiveTree(leaves(130));
    let mut moving = window(&tree, 0, 30);
    for (size, leaf) in tree.0.iter().enumerate().skip(30) {
        moving.push(*leaf);
        moving.forget_before(size as u64 - 20);
        assert_eq!(moving.root(), tree.root(size as u64 + 1));
    }
    check(&moving, &tree);
    moving.forget_before(3);
    assert_eq!(moving.start(), 109, "what is forgotten does not come back");
    moving.forget_before(1000);
    assert_eq!((moving.start(), moving.size(), moving.root()), (130, 130, tree.root(130)));
}

#[test]
fn nodes_outside_the_window_are_missing() {
    let tree = NaiveTree(leaves(70));
    let window = window(&tree, 40, 70);
    let missing = |level, index| MissingNode { level, index, start: 40, size: 70 };
    assert_eq!(Nodes::node(&window, 0, 39), Err(missing(0, 39)), "before the window");
    assert_eq!(Nodes::node(&window, 0, 70), Err(missing(0, 70)), "beyond the tree");
    assert_eq!(Nodes::node(&window, 7, 0), Err(missing(7, 0)), "not complete");
    assert_eq!(Nodes::node(&window, 99, u64::MAX), Err(missing(99, u64::MAX)));
    assert_eq!(inclusion(10, 70, &window), Err(TreeError::Nodes(missing(0, 11))));
    assert_eq!(window.node(6, 0), Some(tree.root(64)));
}

#[test]
fn completed_nodes_are_given_with_their_indices() {
    let tree = NaiveTree(leaves(70));
    let window = window(&tree, 40, 70);
    let given: Vec<u64> = window.completed_since(1, 33).map(|(index, _)| index).collect();
    assert_eq!(given, [33, 34]);
    for level in 0..7 {
        for (index, hash) in window.completed_since(level, 0) {
            assert_eq!(Ok(hash), tree.node(level, index));
        }
    }
    assert_eq!(window.completed_since(0, 70).count() + window.completed_since(0, u64::MAX).count(), 0);
    assert_eq!(window.completed_since(40, 0).count(), 0);
}

#[test]
fn a_subtree_added_whole_is_its_leaves_added_one_by_one() {
    let tree = NaiveTree(leaves(130));
    for begin in [0usize, 64, 96, 1, 7] {
        for level in 0..6u32 {
            let end = begin + (1 << level);
            let mut frontier = frontier(&tree, begin);
            let before = frontier.clone();
            let mut alone = Frontier::empty();
            tree.0[begin..end].iter().for_each(|leaf| alone.push(*leaf));
            let fits = begin % (1 << level) == 0;
            assert_eq!(frontier.push_subtree(level, alone.root()), fits, "{begin} {level}");
            assert_eq!(frontier, if fits { super::tests::frontier(&tree, end) } else { before }, "{begin} {level}");
        }
    }
    assert!(!Frontier::empty().push_subtree(64, Digest([1; 32])));
}
