//! The way through a whole log: bundle by bundle, each held against its tiles, its leaves read.
//!
//! Not here: the checks themselves (`verify`, `leaves`), and whose log it is (`log`).

use creditbay_protocol::tile::TilePath;
use indicatif::ProgressBar;

use super::fault::Faults;
use super::leaves::Leaves;
use super::source::Source;
use super::verify::Audit;

/// Reads every bundle and tile into the audit, and every entry into `leaves` where they are to be read. Gives the faults of leaves.
pub async fn walk(
    source: &mut Source,
    audit: &mut Audit,
    mut leaves: Option<&mut Leaves>,
    bar: &ProgressBar,
) -> anyhow::Result<Faults> {
    let mut faults = Faults::new();
    while let Some(path) = audit.next_bundle() {
        let bundle = source.tile(path).await?;
        let tile = source.tile(TilePath { level: Some(0), ..path }).await?;
        let entries = audit.chunk(bundle.as_deref(), tile.as_deref());
        match (&mut leaves, entries) {
            (Some(leaves), Some(entries)) => entries.into_iter().for_each(|entry| leaves.read(entry, &mut faults)),
            (Some(leaves), None) => leaves.skip(u64::from(path.width)),
            (None, _) => {}
        }
        while let Some(path) = audit.next_upper() {
            let tile = source.tile(path).await?;
            audit.upper(tile.as_deref());
        }
        bar.set_position(audit.done());
    }
    Ok(faults)
}
