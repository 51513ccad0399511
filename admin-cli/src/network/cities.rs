//! The four cities that a development network may have: law, area and names of each.
//!
//! Not here: their keys and ports (`plan`).

use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::LawOfOrigin;

use crate::exit::UsageError;

/// A city or territory.
#[derive(Debug, PartialEq, Eq)]
pub struct City {
    /// Its name on the wire.
    pub region: &'static str,
    /// The law of its registers.
    pub law: LawOfOrigin,
    /// Where the organisations are registered for which it answers.
    pub area: &'static str,
    /// Its name in simplified and traditional Chinese, Portuguese and English.
    pub titles: [&'static str; 4],
}

/// Those that are known.
pub const KNOWN: [City; 4] = [
    City { region: "gz", law: LawOfOrigin::Cn, area: "4401", titles: ["广州", "廣州", "Cantão", "Guangzhou"] },
    City { region: "sz", law: LawOfOrigin::Cn, area: "4403", titles: ["深圳", "深圳", "Shenzhen", "Shenzhen"] },
    City { region: "hk", law: LawOfOrigin::Hk, area: "HK", titles: ["香港", "香港", "Hong Kong", "Hong Kong"] },
    City { region: "mo", law: LawOfOrigin::Mo, area: "MO", titles: ["澳门", "澳門", "Macau", "Macao"] },
];

/// The known cities of these names: at least two, each once.
pub fn named(names: &[Region]) -> Result<Vec<&'static City>, UsageError> {
    let known = |name: &Region| {
        KNOWN.iter().find(|city| city.region == name.as_str()).ok_or_else(|| {
            UsageError(format!(
                "--cities {name}: areas are known for gz, sz, hk and mo only; for another region write network.toml by hand, as the sample shows"
            ))
        })
    };
    let cities = names.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    if let Some(twice) = cities.iter().enumerate().find(|(position, city)| cities[..*position].contains(city)) {
        return Err(UsageError(format!("--cities: {} is named twice", twice.1.region)));
    }
    if cities.len() < 2 {
        return Err(UsageError("--cities: a network has at least two; name two or more of gz, sz, hk, mo".to_owned()));
    }
    Ok(cities)
}

#[cfg(test)]
mod tests {
    use creditbay_protocol::name::Region;

    use super::named;

    fn refusal(names: &[&str]) -> String {
        let names: Vec<Region> = names.iter().map(|name| Region::new(name).unwrap()).collect();
        named(&names).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn two_to_four_known_cities_make_a_network() {
        assert_eq!(refusal(&["gz", "hk"]), "");
        assert_eq!(refusal(&["mo", "sz", "hk", "gz"]), "");
        assert!(refusal(&["gz"]).contains("at least two"));
        assert!(refusal(&[]).contains("at least two"));
        assert!(refusal(&["gz", "gz"]).contains("gz is named twice"));
        assert!(refusal(&["gz", "zh"]).contains("areas are known for gz, sz, hk and mo only"));
    }
}
