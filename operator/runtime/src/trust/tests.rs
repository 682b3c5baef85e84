use super::*;

const SHOP: &str = "shop";

fn ours(content: &str) -> Standing {
    Standing::Ours {
        content: content.to_owned(),
        uid: Some("uid-1".to_owned()),
    }
}

fn keeper(namespaces: &[&str], ca: &str) -> Keeper {
    let keeper = Keeper::default();
    let namespaces = namespaces.iter().map(|name| (*name).to_owned());
    keeper.want(Some(namespaces.collect()), ca.to_owned());
    keeper
}

fn task(keeper: &Keeper) -> Option<Task> {
    keeper.lock().task(SHOP)
}

#[test]
fn writes_where_a_channel_is_once_it_is_known_what_stands_and_whom_to_trust() {
    let keeper_ = keeper(&[SHOP], "pem");
    assert_eq!(task(&keeper_), None, "it is not known what stands");
    keeper_.observe_all(None, Vec::new());
    assert_eq!(task(&keeper_), Some(Task::Write("pem".to_owned())));
    keeper_.observe(SHOP, Some(ours("pem")));
    assert_eq!(task(&keeper_), None);

    let early = keeper(&[SHOP], "");
    early.observe_all(None, Vec::new());
    assert_eq!(task(&early), None, "it is not known whom to trust");
    let nobody = keeper(&[], "pem");
    nobody.observe_all(Some(SHOP), Vec::new());
    assert_eq!(task(&nobody), None);
}

#[test]
fn puts_back_what_somebody_changed_or_deleted() {
    let keeper = keeper(&[SHOP], "pem");
    keeper.observe_all(None, vec![(SHOP.to_owned(), ours("pem"))]);
    assert_eq!(task(&keeper), None);
    keeper.observe(SHOP, Some(ours("other")));
    assert_eq!(task(&keeper), Some(Task::Write("pem".to_owned())));
    keeper.observe(SHOP, None);
    assert_eq!(task(&keeper), Some(Task::Write("pem".to_owned())));
    keeper.observe(SHOP, Some(ours("pem")));
    keeper.want(
        Some(BTreeSet::from([SHOP.to_owned()])),
        "pem and a new one".to_owned(),
    );
    assert_eq!(task(&keeper), Some(Task::Write("pem and a new one".to_owned())));
}

#[test]
fn removes_nothing_before_it_is_known_where_channels_are() {
    let keeper = Keeper::default();
    keeper.want(None, "pem".to_owned());
    keeper.observe_all(None, vec![(SHOP.to_owned(), ours("pem"))]);
    assert_eq!(task(&keeper), None);
    keeper.want(None, "pem and a new one".to_owned());
    assert_eq!(task(&keeper), None);
    keeper.want(Some(BTreeSet::new()), "pem".to_owned());
    assert_eq!(task(&keeper), Some(Task::Remove(Some("uid-1".to_owned()))));
}

#[test]
fn removes_its_own_where_no_channel_is_left() {
    let keeper = keeper(&[SHOP], "pem");
    keeper.observe_all(None, vec![(SHOP.to_owned(), ours("pem"))]);
    keeper.want(Some(BTreeSet::new()), "pem".to_owned());
    assert_eq!(task(&keeper), Some(Task::Remove(Some("uid-1".to_owned()))));
    keeper.observe(SHOP, None);
    assert_eq!(task(&keeper), None);
}

#[test]
fn leaves_alone_what_is_not_its_own_and_says_so_once() {
    let keeper = keeper(&[SHOP], "pem");
    keeper.observe_all(None, vec![(SHOP.to_owned(), Standing::Foreign)]);
    assert_eq!(task(&keeper), Some(Task::Complain));
    keeper.lock().complained.insert(SHOP.to_owned());
    keeper.observe(SHOP, Some(Standing::Foreign));
    assert_eq!(task(&keeper), None);
    keeper.want(Some(BTreeSet::new()), "pem".to_owned());
    assert_eq!(task(&keeper), None, "nor is it removed");
    keeper.want(Some(BTreeSet::from([SHOP.to_owned()])), "pem".to_owned());
    keeper.observe(SHOP, None);
    assert_eq!(task(&keeper), Some(Task::Write("pem".to_owned())));
}

#[test]
fn tells_its_own_from_others() {
    let config_map = config_map("pem");
    assert!(matches!(read(&config_map), Standing::Ours { content, .. } if content == "pem"));
    let mut foreign = config_map;
    foreign.metadata.labels = None;
    assert_eq!(read(&foreign), Standing::Foreign);
}
