//! Messages over time as a chart in SVG: a bar for each day, or month where there are many, its outcomes on top of one another.
//!
//! Not here: the numbers (`tally`).

use std::collections::BTreeMap;
use std::fmt::Write;

use super::tally::{Outcome, Tally};

/// Days that are shown as such; more of them become months, and more months years.
const MAX_BARS: usize = 62;
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 72.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 72.0;
/// One for each outcome, told apart in print and by eyes that do not see all colours.
const COLOURS: [&str; 4] = ["#1b6ca8", "#d1495b", "#8fb8de", "#c9c9c9"];

/// The chart of a log.
pub fn chart(title: &str, tally: &Tally) -> String {
    let (bars, unit) = bars(tally);
    let most = bars.values().map(|sums| sums.iter().sum::<u64>()).max().unwrap_or(0);
    let step = step(most);
    let top = most.div_ceil(step).max(1) * step;
    let (inner, span) = (HEIGHT - TOP - BOTTOM, WIDTH - LEFT - 24.0);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="#222">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="26" font-size="16" font-weight="bold">{}</text>
"##,
        escaped(title)
    );
    legend(&mut svg, tally, unit);
    for number in 0..=(top / step) {
        let y = HEIGHT - BOTTOM - inner * (number * step) as f64 / top as f64;
        let _ = writeln!(svg, r##"<line x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}" stroke="#ddd"/>"##, LEFT + span);
        let _ = writeln!(svg, r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#, LEFT - 8.0, y + 4.0, number * step);
    }
    let slot = span / bars.len().max(1) as f64;
    let every = bars.len().div_ceil(12).max(1);
    for (position, (name, sums)) in bars.iter().enumerate() {
        let x = LEFT + slot * position as f64;
        let bar = (slot * 0.8).min(56.0);
        let left = x + (slot - bar) / 2.0;
        let mut y = HEIGHT - BOTTOM;
        for ((count, colour), outcome) in sums.iter().zip(COLOURS).zip(Outcome::ALL) {
            let height = inner * *count as f64 / top as f64;
            y -= height;
            if *count > 0 {
                let _ = writeln!(
                    svg,
                    r#"<rect x="{left:.1}" y="{y:.1}" width="{bar:.1}" height="{height:.1}" fill="{colour}"><title>{name}: {} {count}</title></rect>"#,
                    outcome.name()
                );
            }
        }
        if position % every == 0 {
            let (x, y) = (x + slot / 2.0, HEIGHT - BOTTOM + 16.0);
            let _ = writeln!(
                svg,
                r#"<text x="{x:.1}" y="{y:.1}" text-anchor="end" transform="rotate(-35 {x:.1} {y:.1})">{name}</text>"#
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The sums of each day; of each month, or year, where that would be too many.
fn bars(tally: &Tally) -> (BTreeMap<String, [u64; 4]>, &'static str) {
    for (letters, unit) in [(10, "day"), (7, "month")] {
        let bars = tally.by(|cell| vec![cell.day.to_string().chars().take(letters).collect()]);
        if bars.len() <= MAX_BARS {
            return (bars, unit);
        }
    }
    (tally.by(|cell| vec![cell.day.to_string().chars().take(4).collect()]), "year")
}

fn legend(svg: &mut String, tally: &Tally, unit: &str) {
    let sums = tally.by(|_| vec![String::new()]).into_values().next().unwrap_or_default();
    let mut x = LEFT;
    for ((outcome, colour), count) in Outcome::ALL.into_iter().zip(COLOURS).zip(sums) {
        let _ = writeln!(svg, r#"<rect x="{x}" y="38" width="11" height="11" fill="{colour}"/>"#);
        let _ = writeln!(svg, r#"<text x="{}" y="48">{} {count}</text>"#, x + 16.0, outcome.name());
        x += 150.0;
    }
    let _ = writeln!(svg, r##"<text x="{x}" y="48" fill="#666">messages per {unit} (UTC+8)</text>"##);
}

/// 1, 2 or 5 times a power of ten, so that there are at most five lines.
fn step(most: u64) -> u64 {
    let mut power = 1u64;
    loop {
        for step in [1, 2, 5].map(|digit| power.saturating_mul(digit)) {
            if most.div_ceil(step) <= 5 {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{escaped, step};

    #[test]
    fn lines_are_few_and_round() {
        let cases = [(0, 1), (5, 1), (6, 2), (11, 5), (26, 10), (1000, 200), (100_001, 50_000)];
        for (most, expected) in cases {
            assert_eq!(step(most), expected, "{most}");
        }
        assert!(step(u64::MAX) > 0);
    }

    #[test]
    fn a_title_cannot_break_out() {
        assert_eq!(escaped("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
