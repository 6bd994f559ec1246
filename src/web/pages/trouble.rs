//! The page that says why there is no other.

use super::frame::Frame;
use super::render;
use crate::web::answer::Answer;
use crate::web::problem::{Problem, http_status};
use crate::web::routes::Site;
use askama::Template;

#[derive(Template)]
#[template(path = "trouble.html", config = "src/web/pages/askama.toml")]
struct Trouble<'a> {
    frame: Frame<'a>,
    title: &'static str,
    detail: &'a str,
}

/// A problem for people. It says nothing but the problem: whoever gets it may not be let in.
pub(in crate::web) fn trouble(site: &Site, problem: Problem) -> Answer {
    let title = problem.reason.title();
    let page = render(
        http_status(problem.reason),
        &Trouble {
            frame: Frame::of_problem(site, (site.services.now)(), title),
            title,
            detail: &problem.detail,
        },
    );
    match page {
        Ok(mut page) => {
            problem.dress(&mut page);
            page
        }
        Err(_) => problem.into_answer(),
    }
}
