use serde_json::{Value, json};

use crate::fake::{Fake, get, post};

const JSON: &str = "application/json";
const INCIDENTS: &str = "/api/isobar/v1/incidents";

#[tokio::test]
async fn open_incidents_come_first_and_the_worst_of_them_first() {
    let router = Fake::new().router("{}");
    let ids = async |query: &str| {
        let list = get(&router, &format!("{INCIDENTS}{query}")).await.json();
        let items = list["items"].as_array().unwrap_or_else(|| panic!("{query}: {list}")).clone();
        let ids: Vec<String> = items.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        (ids.join(" "), list["total"].as_u64().unwrap())
    };
    assert_eq!(ids("").await, ("i-2 i-1 i-3".to_owned(), 3));
    assert_eq!(ids("?state=open").await, ("i-2 i-1".to_owned(), 2));
    assert_eq!(ids("?state=resolved").await, ("i-3".to_owned(), 1));
    assert_eq!(ids("?q=US-EAST-1%20outage").await, ("i-1".to_owned(), 1));
    assert_eq!(ids("?q=mei").await, ("i-2".to_owned(), 1));
    let first = get(&router, &format!("{INCIDENTS}?limit=1")).await.json();
    let rest = format!("?limit=5&after={}", first["next"].as_str().unwrap());
    assert_eq!(ids(&rest).await, ("i-1 i-3".to_owned(), 3));
    let answer = get(&router, &format!("{INCIDENTS}?state=closed")).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["message"]),
        (400, &json!("state: one of open, resolved, all"))
    );
}

#[tokio::test]
async fn one_incident_has_its_open_and_worst_alerts_first_and_what_happened() {
    let fake = Fake::new();
    let router = fake.router("{}");
    let shown = get(&router, &format!("{INCIDENTS}/i-1")).await.json();
    let members: Vec<&Value> = shown["members"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(members, ["00000000000000a2", "00000000000000a3", "00000000000000a1"]);
    assert_eq!((&shown["alert_count"], &shown["open_count"]), (&json!(3), &json!(2)));
    assert_eq!(
        shown["outage"],
        json!({"cause": "provider", "level": "suspected", "onset": "2023-11-14T22:13:20.000Z",
            "found_at": "2023-11-14T22:13:20.000Z", "ended_at": null, "against": ["nothing"],
            "evidence": [{"class": "breadth", "detail": "9 of 10", "at": "2023-11-14T22:13:20.000Z"}]})
    );
    let cell = json!({"provider": "aws", "region": "us-east-1", "zone": "us-east-1a", "service": null});
    assert_eq!(shown["cell"], cell);
    let person = json!({"at": "2023-11-14T22:13:20.000Z", "kind": "person", "what": "opened",
        "subject": "Alpha on db-1", "actor": "mei", "detail": "", "alert": "00000000000000a1", "delivery": "d1"});
    assert_eq!(shown["timeline"][1], person);
    let answer = get(&router, &format!("{INCIDENTS}/i-9")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!("not_found")));

    // More members than are shown are counted.
    {
        let many = &mut fake.incidents.lock()[0].members;
        let member = many[&0xa2].clone();
        many.extend((0x1000..0x1000 + 600).map(|id| (id, member.clone())));
    }
    let shown = get(&router, &format!("{INCIDENTS}/i-1")).await.json();
    assert_eq!((shown["members"].as_array().unwrap().len(), &shown["alert_count"]), (500, &json!(603)));
}

#[tokio::test]
async fn what_people_do_says_what_came_of_it_or_why_not() {
    let fake = Fake::new();
    let router = fake.router("{}");
    let long = json!({"alerts": ["a1"]}).to_string();
    for (path, body, status, field, expected) in [
        ("i-1/acknowledge", "{}", 200, "acknowledged_by", "anonymous"),
        ("i-1/unacknowledge", "{}", 200, "state", "open"),
        ("i-1/split", r#"{"alerts": ["00000000000000A2"]}"#, 200, "id", "i-1"),
        ("i-1/merge", r#"{"from": "i-2"}"#, 200, "id", "i-1"),
        ("i-3/acknowledge", "{}", 409, "code", "conflict"),
        ("i-9/acknowledge", "{}", 404, "code", "not_found"),
        ("i-1/acknowledge", r#"{"note": "x"}"#, 400, "code", "bad_request"),
        ("i-1/split", r#"{"alerts": []}"#, 400, "message", "name some of its alerts"),
        ("i-1/split", &long, 400, "message", "\"a1\" is not an alert id: 16 hexadecimal digits"),
        ("i-1/merge", "{}", 400, "code", "bad_request"),
        ("i-1/merge?from=i-2", r#"{"from": "i-2"}"#, 400, "code", "bad_request"),
    ] {
        let answer = post(&router, &format!("{INCIDENTS}/{path}"), JSON, body).await;
        let said = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &said[field]),
            (status, &json!(expected)),
            "{path} {body}: {said}"
        );
    }
    assert_eq!(
        *fake.changes.lock(),
        [
            "Acknowledge i-1 by anonymous",
            "Unacknowledge i-1 by anonymous",
            "Split({162}) i-1 by anonymous",
            "Merge { from: \"i-2\" } i-1 by anonymous",
        ]
    );
}
