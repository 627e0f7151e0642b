//! What a Prometheus server's query API answers.

use std::collections::BTreeMap;

use isobar_normalizer::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Labels and samples of one series.
type Series = (BTreeMap<String, String>, Vec<(Timestamp, f64)>);

/// An answer of `query` or `query_range`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// Labels and samples, oldest first. A scalar is a series without labels.
    pub(super) series: Vec<Series>,
    /// Series left out because they are native histograms.
    pub(super) histograms: u64,
    /// What the server wants known, such as that a part of its data is missing.
    pub(super) warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Body {
    status: String,
    data: Option<Data>,
    error: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Instant>),
    Matrix(Vec<Range>),
    Scalar(Point),
    String(IgnoredAny),
}

#[derive(Deserialize)]
struct Instant {
    metric: BTreeMap<String, String>,
    value: Option<Point>,
}

#[derive(Deserialize)]
struct Range {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<Point>,
}

/// Seconds since the epoch, and the value as text.
#[derive(Deserialize)]
struct Point(f64, String);

impl Point {
    fn read(&self) -> Result<(Timestamp, f64), String> {
        let millis = (self.0 * 1000.0).round();
        let value = self.1.parse().map_err(|_| format!("the answer has {:?} for a value", self.1))?;
        Ok((Timestamp::from_millis(millis as i64), value))
    }
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Answer, String> {
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| format!("the answer is not of the query API: {error}"))?;
    let data = match body.data {
        Some(data) if body.status == "success" => data,
        _ => return Err(format!("the server answers {}: {}", body.status, body.error.unwrap_or_default())),
    };
    let mut answer = Answer { warnings: body.warnings, ..Answer::default() };
    let series: Vec<(BTreeMap<String, String>, Vec<Point>)> = match data {
        Data::Vector(items) => {
            items.into_iter().map(|item| (item.metric, item.value.into_iter().collect())).collect()
        }
        Data::Matrix(items) => items.into_iter().map(|item| (item.metric, item.values)).collect(),
        Data::Scalar(point) => vec![(BTreeMap::new(), vec![point])],
        Data::String(_) => return Err("the query gives a text, not numbers".to_owned()),
    };
    for (metric, points) in series {
        if points.is_empty() {
            answer.histograms += 1;
            continue;
        }
        answer.series.push((metric, points.iter().map(Point::read).collect::<Result<_, _>>()?));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_matrices_and_scalars() {
        let vector = br#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"__name__":"up","job":"a"},"value":[1700000000.5,"1"]},
            {"metric":{"__name__":"h"},"histogram":[1700000000.5,{"count":"1","sum":"1"}]}]},"warnings":["partial"]}"#;
        let answer = read(vector).unwrap();
        assert_eq!(answer.series.len(), 1);
        assert_eq!(answer.series[0].1, [(Timestamp::from_millis(1_700_000_000_500), 1.0)]);
        assert_eq!((answer.histograms, answer.warnings), (1, vec!["partial".to_owned()]));

        let matrix = br#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"a":"b"},"values":[[1,"+Inf"],[2,"NaN"],[3,"-1e-3"]]}]}}"#;
        let points = read(matrix).unwrap().series.remove(0).1;
        assert!(points[0].1 == f64::INFINITY && points[1].1.is_nan() && points[2].1 == -0.001);

        let scalar = br#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#;
        assert_eq!(
            read(scalar).unwrap().series,
            [(BTreeMap::new(), vec![(Timestamp::from_millis(1000), 2.0)])]
        );
    }

    #[test]
    fn what_is_no_answer_is_said() {
        let error = br#"{"status":"error","errorType":"bad_data","error":"parse error: x"}"#;
        assert_eq!(read(error).unwrap_err(), "the server answers error: parse error: x");
        assert!(read(b"<html>").unwrap_err().contains("not of the query API"));
        let text = br#"{"status":"success","data":{"resultType":"string","result":[1,"x"]}}"#;
        assert!(read(text).unwrap_err().contains("not numbers"));
    }
}
