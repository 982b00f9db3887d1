//! The matrix as text.

use std::fmt::Write;

use crate::judge::Verdict;

/// A row a client and engine, a column a case, in columns that are even without being rendered.
pub(crate) fn table(engines: &[(String, Vec<Verdict>)], clients: &[&str]) -> String {
    let cases: Vec<&str> =
        engines[0].1.iter().filter(|verdict| verdict.client == clients[0]).map(|v| v.case).collect();
    let mut rows: Vec<Vec<String>> =
        vec![["client", "engine"].into_iter().chain(cases.iter().copied()).map(str::to_owned).collect()];
    for client in clients {
        for (engine, verdicts) in engines {
            let cells = verdicts.iter().filter(|verdict| verdict.client == *client).map(marks);
            rows.push([(*client).to_owned(), engine.clone()].into_iter().chain(cells).collect());
        }
    }
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    rows.insert(1, widths.iter().map(|width| "-".repeat(*width)).collect());
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// `r w i`, with a dash for what is red.
fn marks(verdict: &Verdict) -> String {
    let marks = verdict.aspects().map(|(name, outcome)| if outcome.is_ok() { &name[..1] } else { "-" });
    marks.join(" ")
}

/// What is red, and why.
pub(crate) fn failures(engines: &[(String, Vec<Verdict>)]) -> String {
    let mut text = String::new();
    for (engine, verdicts) in engines {
        for verdict in verdicts {
            for (aspect, outcome) in verdict.aspects() {
                if let Err(why) = outcome {
                    let Verdict { client, case, .. } = verdict;
                    let _ = writeln!(text, "{client} on {engine}, {case}, {aspect}: {}", why.trim_end());
                }
            }
        }
    }
    text
}
