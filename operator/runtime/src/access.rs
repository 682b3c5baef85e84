//! Whether owners may change what they own: asked of the API server, remembered, and asked again.
//!
//! A question is reviewed for a group without a user (`LocalSubjectAccessReview`), so that the answer is what the group
//! itself is allowed, whoever is in it. An answer holds for [`HOLDS`] and is asked for anew before it is older than five
//! minutes; while the API server does not answer, the last answer stands for [`STANDS`].

mod memory;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use attune_api::GROUP;
use attune_compile::access::{Answer, Question};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, ResourceAttributes, SubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use kube::{Client, core::ObjectMeta};
use tracing::warn;

use memory::Memory;

/// How long an answer is not asked for again.
pub const HOLDS: Duration = Duration::from_mins(4);

/// How long an answer stands while nobody can be asked.
pub const STANDS: Duration = Duration::from_mins(15);

/// How often is looked at what is to be asked. With [`HOLDS`], no answer is older than five minutes while the API server
/// answers.
pub const LOOKS: Duration = Duration::from_secs(30);

/// How long the API server may take for one review.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reviews under way at once.
const AT_ONCE: usize = 8;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The API server refuses to review, or cannot be reached.
    #[error("access cannot be reviewed: {0}")]
    Review(#[from] kube::Error),
    /// The API server takes too long.
    #[error("no review within {} s", PATIENCE.as_secs())]
    Wait,
}

/// Asks the API server, and remembers.
pub struct Access {
    client: Client,
    memory: Memory,
}

impl Access {
    /// Asks the API server of `client`.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            memory: Memory::default(),
        }
    }

    /// What a namespace needs to know, from memory where that is fresh enough. A question without an answer is
    /// `Unknown`.
    pub async fn answers(
        &self,
        namespace: &str,
        questions: &BTreeSet<Question>,
    ) -> BTreeMap<Question, Answer> {
        let asked = stream::iter(questions.iter().cloned()).map(|question| async move {
            let answer = self.answer(namespace, &question).await;
            (question, answer)
        });
        asked.buffer_unordered(AT_ONCE).collect().await
    }

    /// Keeps asking what `needed` gives, by namespace, and hands the answers to `learn`; never ends.
    pub async fn keep(
        &self,
        needed: impl Fn() -> Vec<(String, BTreeSet<Question>)>,
        learn: impl Fn(String, BTreeMap<Question, Answer>),
    ) {
        let mut looks = tokio::time::interval(LOOKS);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            for (namespace, questions) in needed() {
                let answers = self.answers(&namespace, &questions).await;
                learn(namespace, answers);
            }
        }
    }

    async fn answer(&self, namespace: &str, question: &Question) -> Answer {
        if let Some(answer) = self.memory.recall(namespace, question, HOLDS) {
            return answer;
        }
        match self.review(namespace, question).await {
            Ok(answer) => {
                self.memory.keep(namespace, question, answer);
                answer
            }
            Err(error) => {
                warn!(namespace, group = question.group, %error, "access is not known");
                let last = self.memory.recall(namespace, question, STANDS);
                last.unwrap_or(Answer::Unknown)
            }
        }
    }

    async fn review(&self, namespace: &str, question: &Question) -> Result<Answer, AccessError> {
        let reviews: Api<LocalSubjectAccessReview> = Api::namespaced(self.client.clone(), namespace);
        let review = review_of(namespace, question);
        let params = PostParams::default();
        let reviewed = tokio::time::timeout(PATIENCE, reviews.create(&params, &review))
            .await
            .map_err(|_| AccessError::Wait)??;
        Ok(answer_of(&reviewed))
    }
}

/// A question as the API server takes it.
fn review_of(namespace: &str, question: &Question) -> LocalSubjectAccessReview {
    LocalSubjectAccessReview {
        metadata: ObjectMeta {
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        spec: SubjectAccessReviewSpec {
            groups: Some(vec![question.group.clone()]),
            resource_attributes: Some(ResourceAttributes {
                group: Some(GROUP.to_owned()),
                resource: Some(question.resource.clone()),
                verb: Some(question.verb.clone()),
                namespace: Some(namespace.to_owned()),
                name: question.name.clone(),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        status: None,
    }
}

/// What a review says. One that came to no decision because an authorizer failed is no refusal.
fn answer_of(review: &LocalSubjectAccessReview) -> Answer {
    let Some(status) = &review.status else {
        return Answer::Unknown;
    };
    let failed = status
        .evaluation_error
        .as_ref()
        .is_some_and(|error| !error.is_empty());
    match (status.allowed, failed && status.denied != Some(true)) {
        (true, _) => Answer::Allowed,
        (false, true) => Answer::Unknown,
        (false, false) => Answer::Denied,
    }
}

#[cfg(test)]
mod tests;
