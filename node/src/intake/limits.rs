//! Bounds of an import.

/// Bytes that one cell may hold. The longest that is read is a document number; free text is skipped over.
pub const MAX_CELL_BYTES: usize = 64 * 1024;
/// Bytes of text that one row may hold: 16 cells of the longest kind, as a row has five cells of free text.
pub const MAX_ROW_BYTES: usize = 16 * MAX_CELL_BYTES;
/// Columns that a header may have; the longest known one has 37.
pub const MAX_COLUMNS: usize = 128;
/// Rows of one file: ten times those of all companies of the province.
pub const MAX_ROWS: u64 = 200_000_000;
/// Rows of one file that is imported strictly, all of which are kept until the last was read: 200 000 × about 120 bytes = 24 MB.
pub const MAX_STRICT_ROWS: usize = 200_000;
