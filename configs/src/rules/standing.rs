//! stub
/// s
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// r
    pub regulators: bool,
}
