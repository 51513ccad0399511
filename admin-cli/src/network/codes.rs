//! A file of codes that name no city, each with the city that answers for it.
//!
//! Registered with the province, or an LEI: such a code says nothing about the city, so the directory has to. One code a line,
//! `gz uscc:CODE`; `#` begins a comment. An error names the line and never repeats the code. Not here: that each code has one node, which
//! the directory checks.

use std::path::Path;

use anyhow::{Context, bail};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::Region;

use crate::file;

use super::cities::KNOWN;

/// The codes of a file, in its order, with the city that answers for each.
pub fn read(path: &Path) -> anyhow::Result<Vec<(Region, Identifier)>> {
    let text = file::read_text(path)?;
    let mut codes = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (city, code) = parse(line).with_context(|| format!("{}:{number}", path.display()))?;
        if codes.iter().any(|(_, known)| *known == code) {
            bail!("{}:{number}: this code stands in the file already; each code has one node, leave one line", path.display());
        }
        codes.push((city, code));
    }
    Ok(codes)
}

fn parse(line: &str) -> anyhow::Result<(Region, Identifier)> {
    let form = "write CITY SCHEME:CODE, for example `gz uscc:` and a code that is registered with the province";
    let (city, code) = line.split_once(char::is_whitespace).context(form)?;
    let (scheme, value) = code.trim().split_once(':').context(form)?;
    let known = KNOWN.iter().find(|known| known.region == city).context("the city is none of gz, sz, hk, mo")?;
    let scheme: Scheme = scheme.parse()?;
    Ok((Region::new(known.region)?, Identifier::parse(scheme, value)?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::read;

    #[test]
    fn the_samples_codes_are_read() {
        let codes = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/samples/codes.txt")).unwrap();
        let cities: Vec<_> = codes.iter().map(|(city, _)| city.as_str()).collect();
        assert_eq!(cities, ["gz", "gz", "gz", "gz", "hk"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_without_the_code() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codes.txt");
        let good = "gz uscc:91440000MA5GBAC048";
        for (line, said) in [
            ("gz", "write CITY SCHEME:CODE"),
            ("gz 91440000MA5GBAC048", "write CITY SCHEME:CODE"),
            ("zh uscc:91440000MA5GBAC048", "none of gz, sz, hk, mo"),
            ("gz what:91440000MA5GBAC048", ""),
            ("gz uscc:91440000MA5GBAC049", "check character"),
            ("gz ric:440106199003071231", ""),
            (good, "stands in the file already"),
        ] {
            std::fs::write(&path, format!("# first\n{good} # as it is registered\n\n{line}\n")).unwrap();
            let error = format!("{:#}", read(&path).unwrap_err());
            assert!(error.contains("codes.txt:4") && error.contains(said), "{line}: {error}");
            assert!(!error.contains("MA5GBAC04") && !error.contains("199003071231"), "{line}: {error}");
        }
    }
}
