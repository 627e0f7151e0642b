//! What EC2 answers, in XML. Pure.
//!
//! Source: API_DescribeInstances.html, API_Instance.html and "Troubleshoot API request errors" of the EC2 API Reference
//! (version 2016-11-15, read 2026-11-21). Types and entities of the document's own are refused, and nesting costs no stack.

use roxmltree::{Document, Node, ParsingOptions};

/// Elements and texts of one answer: a thousand for each instance of a full page.
const NODES_MAX: u32 = 1_000_000;
/// The longest name of a zone is some thirty letters (`us-east-1-wl1-bos-wlz-1`).
const ZONE_MAX: usize = 64;
/// What an instance is that was ended and is still told of, for an hour or so.
const ENDED: &str = "terminated";

/// What an answer is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Page(Page),
    Error { code: String, message: String },
}

/// One page of instances.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Page {
    pub(super) instances: Vec<Instance>,
    /// What leads to the next page.
    pub(super) token: Option<String>,
}

/// An instance, as far as anybody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Instance {
    pub(in super::super) id: String,
    /// Empty where it says none.
    pub(in super::super) zone: String,
    pub(in super::super) has_ended: bool,
}

/// Reads an answer as a whole, or says what is wrong with it.
pub(super) fn read(body: &[u8]) -> Result<Answer, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("no UTF-8: {error}"))?;
    let options = ParsingOptions { nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| format!("no XML: {error}"))?;
    let root = document.root_element();
    match root.tag_name().name() {
        "DescribeInstancesResponse" => page(root).map(Answer::Page),
        "Response" => error(root),
        other => Err(format!("{other:?} where DescribeInstancesResponse was asked for")),
    }
}

fn page(root: Node<'_, '_>) -> Result<Page, String> {
    let reservations = child(root, "reservationSet").ok_or("no reservationSet")?;
    let sets = items(reservations).filter_map(|reservation| child(reservation, "instancesSet"));
    Ok(Page {
        instances: sets.flat_map(items).filter_map(instance).collect(),
        token: text(root, "nextToken"),
    })
}

fn error(root: Node<'_, '_>) -> Result<Answer, String> {
    let error = child(root, "Errors").and_then(|errors| child(errors, "Error"));
    let error = error.ok_or("a Response without an Error")?;
    let code = text(error, "Code").ok_or("an Error without a Code")?;
    Ok(Answer::Error { code, message: text(error, "Message").unwrap_or_default() })
}

fn instance(item: Node<'_, '_>) -> Option<Instance> {
    let zone = child(item, "placement").and_then(|placement| text(placement, "availabilityZone"));
    let state = child(item, "instanceState").and_then(|state| text(state, "name"));
    Some(Instance {
        id: text(item, "instanceId")?,
        zone: zone.filter(|zone| is_zone(zone)).unwrap_or_default(),
        has_ended: state.is_some_and(|state| state == ENDED),
    })
}

/// A zone becomes a label of everything that is measured in it.
fn is_zone(text: &str) -> bool {
    text.len() <= ZONE_MAX && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn items<'a, 'input>(node: Node<'a, 'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(|child| child.tag_name().name() == "item")
}

/// The text of a member; `None` where it is empty.
fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    let text = child(node, name)?.text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

    fn answered(members: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <DescribeInstancesResponse xmlns=\"{NAMESPACE}\"><requestId>r</requestId>{members}</DescribeInstancesResponse>"
        )
    }

    fn of_set(instances: &str) -> String {
        let item = format!(
            "<item><reservationId>r-1</reservationId><instancesSet>{instances}</instancesSet></item>"
        );
        answered(&format!("<reservationSet>{item}</reservationSet>"))
    }

    #[track_caller]
    fn page(text: &str) -> Page {
        match read(text.as_bytes()) {
            Ok(Answer::Page(page)) => page,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn instances_are_read_from_all_reservations() {
        let item = |id: &str, zone: &str, state: &str| {
            format!(
                "<item><instanceId>{id}</instanceId><placement><tenancy>default</tenancy>\
                 <availabilityZone>{zone}</availabilityZone></placement>\
                 <instanceState><code>16</code><name>{state}</name></instanceState></item>"
            )
        };
        let text = answered(&format!(
            "<reservationSet>\n <item><instancesSet>{}\n {}</instancesSet></item>\n\
             <item><groupSet/><instancesSet>{}</instancesSet></item>\n</reservationSet><nextToken>a&amp;b</nextToken>",
            item("i-1", "us-east-1a", "running"),
            item("i-2", "us-east-1b", "stopped"),
            item("i-3", "us-east-1-wl1-bos-wlz-1", "terminated"),
        ));
        let expected = [
            ("i-1", "us-east-1a", false),
            ("i-2", "us-east-1b", false),
            ("i-3", "us-east-1-wl1-bos-wlz-1", true),
        ];
        let expected = expected.map(|(id, zone, has_ended)| Instance {
            id: id.to_owned(),
            zone: zone.to_owned(),
            has_ended,
        });
        assert_eq!(page(&text), Page { instances: expected.to_vec(), token: Some("a&b".to_owned()) });
    }

    #[test]
    fn what_is_not_said_is_not_known() {
        assert_eq!(page(&answered("<reservationSet/>")), Page::default());
        assert_eq!(page(&answered("<reservationSet/><nextToken/>")), Page::default());
        let only = |text: &str| page(&of_set(text)).instances.into_iter().next();
        assert_eq!(only("<item><placement/></item>"), None);
        let bare = Instance { id: "i-1".to_owned(), zone: String::new(), has_ended: false };
        assert_eq!(only("<item><instanceId>i-1</instanceId></item>"), Some(bare.clone()));
        // Neither a sentence nor a megabyte is a zone.
        for zone in ["a b", "a&quot;", "<b/>", &"z".repeat(65)] {
            let placed = format!("<placement><availabilityZone>{zone}</availabilityZone></placement>");
            assert_eq!(
                only(&format!("<item><instanceId>i-1</instanceId>{placed}</item>")),
                Some(bare.clone())
            );
        }
    }

    #[test]
    fn errors_are_told_from_answers() {
        let error =
            |inner: &str| format!("<Response><Errors>{inner}</Errors><RequestID>r</RequestID></Response>");
        let text =
            error("<Error><Code>UnauthorizedOperation</Code><Message>No &lt;way&gt;</Message></Error>");
        let (code, message) = ("UnauthorizedOperation".to_owned(), "No <way>".to_owned());
        assert_eq!(read(text.as_bytes()), Ok(Answer::Error { code, message }));
        refused(&error(""), "a Response without an Error");
        refused(&error("<Error><Message>m</Message></Error>"), "an Error without a Code");
    }

    #[test]
    fn half_an_answer_is_none() {
        let whole = of_set("<item><instanceId>i-1</instanceId></item>");
        for end in 0..whole.len() {
            assert!(read(&whole.as_bytes()[..end]).is_err(), "{}", &whole[..end]);
        }
        refused(&answered(""), "no reservationSet");
        refused("<html><body>down</body></html>", "\"html\" where DescribeInstancesResponse");
        refused("{\"__type\": \"x\"}", "no XML");
        refused(&of_set("<item></oops>"), "no XML");
        assert!(read(b"\xff\xfe<\0a\0>\0").unwrap_err().contains("no UTF-8"));
    }

    #[test]
    fn what_is_made_to_hurt_does_not() {
        let laughs = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><r>&b;</r>";
        refused(laughs, "no XML");
        refused("<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><r/>", "no XML");
        refused(&of_set("<item><instanceId>&b;</instanceId></item>"), "no XML");
        // Deep enough for any stack, within a place that is looked at and beside it.
        let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
        assert_eq!(page(&of_set(&format!("<item><placement>{deep}</placement></item>"))), Page::default());
        assert_eq!(page(&answered(&format!("{deep}<reservationSet/>"))), Page::default());
        refused(&of_set(&"<a/>".repeat(1_000_001)), "no XML");
    }
}
