//! Trouble of sources that ask by themselves.

use crate::guidance::{CauseGuide, Owner, steps};

pub(super) const POLL_FAILING: CauseGuide = CauseGuide {
    summary: "A source that the exporter asks by itself gives no good answer.",
    meaning: "Every poll of this source has failed for a quarter of an hour. What it told before is kept and grows \
              old; asking goes on, less often, and recovers by itself.",
    impact: "What only this source knows is held after a few minutes and says nothing about now.",
    steps: steps![
        Monitoring: "Read the exporter's log line of the failure: it names the reason and what to do about it.",
        Monitoring: "A reason of the network (name, connection, TLS, timeout)? Test the host from the exporter's machine with curl.",
        SalesforceAdmin: "A reason of credentials or permission? Look at the external client app, its secret or certificate, and the integration user's login history.",
        SalesforceAdmin: "A reason of limits? Setup, System Overview, API usage: who uses up the requests?",
        Wait: "Maintenance or a server error? See the vendor's status page and wait.",
    ],
    owner: Owner::Monitoring,
};

pub(super) const SALESFORCE_API_BUDGET_LOW: CauseGuide = CauseGuide {
    summary: "The Salesforce organisation's daily API requests run low.",
    meaning: "Three quarters of the share that polling leaves to be used (api_budget_percent) are used up, by whichever \
              programs. Polling slows down, and pauses when the share is spent.",
    impact: "Polled values get older. When all requests are spent, every integration of the organisation stops.",
    steps: steps![
        SalesforceAdmin: "Setup, System Overview, API usage, and the report API Usage Last 7 Days: which user sends most of the requests?",
        Monitoring: "Is it this exporter? The rate of lightning_sync_salesforce_api_calls_total tells; raise poll_every.",
        SalesforceAdmin: "A runaway integration? Stop it; the count is of the last 24 hours and falls slowly.",
        SalesforceAdmin: "Usual load? Buy more requests, or raise api_budget_percent to let polling go on further.",
    ],
    owner: Owner::SalesforceAdmin,
};
