//! `isobar demo`: simulated clouds and the server that watches them, in one process, with nothing to configure.

mod config;
mod home;
mod narrate;

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Result;
use isobar_simulators::{Page, Received, Running, Scenario};
use parking_lot::Mutex;

use crate::cli::{DemoArguments, SEED, ServeArguments};
use crate::client::print;
use crate::serve::{Signals, serve};
use crate::simulate::{about, start};
use home::Home;
use narrate::Narrator;

/// Runs until SIGTERM or SIGINT.
pub async fn run(arguments: DemoArguments) -> Result<()> {
    // Before there is anything to clean up.
    let mut signals = Signals::listen()?;
    let home = Home::open(arguments.keep)?;
    let running = start(arguments.scenario, SEED, SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    say(&introduction(&running, &home));
    config::write(&home, &running, arguments.listen)?;
    let narrator = Mutex::new(Narrator::default());
    running.received().on_webhook(move |webhook| {
        say(&format!("webhook: {}\n", narrator.lock().tell(webhook.body.as_bytes())));
    });
    let server = ServeArguments {
        config: home.path().join("isobar.yaml"),
        data_dir: home.path().join("data"),
        listen: Some(arguments.listen),
    };
    let served = tokio::select! {
        served = serve(server, &mut signals, |address, _| say(&guide(address, arguments.scenario))) => served,
        never = tell_pages(running.received()) => match never {},
        never = tell_calls(running.received()) => match never {},
    };
    running.stop().await;
    if let Home::Kept(folder) = &home {
        say(&format!("Configuration and data are kept in {}.\n", folder.display()));
    }
    served
}

/// Nobody may be reading; that is no reason to stop.
fn say(text: &str) {
    let _ = print(text.as_bytes());
}

fn introduction(running: &Running, home: &Home) -> String {
    format!(
        "isobar demo: a server watches {} simulated resources on AWS, Azure and in two rooms of one's own, all inside this process.\n\
         No network is needed, no cloud is asked, nothing is installed. Everything lies in {}{}.\n\
         Scenario {}: {}. Ctrl-C ends it.\n",
        running.estate.identities().count(),
        home.path().display(),
        if matches!(home, Home::Temporary(_)) { ", which goes away at the end" } else { "" },
        running.estate.scenario(),
        about(running.estate.scenario()),
    )
}

/// Where to go, and what is to be seen there.
fn guide(address: SocketAddr, scenario: Scenario) -> String {
    let mut text = format!("\nOpen http://{address}/\n");
    if scenario == Scenario::FirstLight {
        text.push_str(
            "\n  now            machines of checkout have been hot for ten minutes in every cloud: the page fills within a minute\n  \
               alerts         one policy over all clouds, one alert for each machine; CloudWatch's and Azure's own alarms are folded in\n  \
               below          one page for the group, and its webhook as it is sent\n  \
               proposals      taking each hot machine out of traffic waits for you: approve it there, or with `isobar approve`\n  \
               in 6 minutes   us-east-1 browns out: its services, its alarms and the monitoring of it\n",
        );
    }
    text.push_str(&format!(
        "\nAsk it from another terminal:\n  \
           isobar alerts --url http://{address}\n  \
           isobar sql --url http://{address} \"SELECT cloud_provider, avg(value) FROM metrics WHERE name = 'system.cpu.utilization' GROUP BY 1\"\n\n",
    ));
    text
}

/// Tells of each event that PagerDuty's stand-in takes, in a line.
async fn tell_pages(received: &Received) -> Infallible {
    let mut told = 0;
    loop {
        received.until(|received| received.pages().len() > told).await;
        let pages = received.pages();
        for page in &pages[told..] {
            say(&format!("PagerDuty: {}\n", line(page)));
        }
        told = pages.len();
    }
}

/// Tells of each runbook that is called for the first time, in a line.
async fn tell_calls(received: &Received) -> Infallible {
    let mut told = 0;
    loop {
        received.until(|received| received.failovers().len() > told).await;
        let calls = received.failovers();
        for call in &calls[told..] {
            let data = &call.body["data"];
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            say(&format!(
                "runbook {}: called for {}, approved by {} (signed, id {})\n",
                text(&data["runbook"]),
                text(&data["alert"]["resource"]),
                text(&data["approved_by"]),
                call.id,
            ));
        }
        told = calls.len();
    }
}

/// `trigger, critical saturation of checkout: … (dedup key …)`; a resolve has no more than its key.
fn line(page: &Page) -> String {
    let said = |name: &str| page.event["payload"][name].as_str();
    let mut line = page.action.clone();
    if let (Some(severity), Some(class)) = (said("severity"), said("class")) {
        line += &format!(", {severity} {class}");
    }
    if let Some(group) = said("group") {
        line += &format!(" of {group}");
    }
    if let Some(summary) = said("summary") {
        line += &format!(": {summary}");
    }
    format!("{line} (dedup key {})", page.dedup_key)
}
