//! The room, its queue, and how it is found.

use futures::future::join_all;

use super::*;
use crate::{contract::Contract, protection::classes::Repeat};

fn plan(upstream: usize, class: Class) -> Plan {
    Plan { index: upstream, upstream, class, repeat: Repeat::Never, streams: false, urgency: None }
}

/// A room of this size for two services or more.
fn overload(room: usize) -> Overload {
    let plans = Plans::read(&Contract::read(proto::DESCRIPTORS).unwrap());
    let settings = OverloadSettings { first: room, least: 4, calm: Duration::from_millis(10) };
    Overload::new(settings, 512, &plans)
}

fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(5)
}

async fn enter(overload: &Overload, upstream: usize, class: Class) -> Result<Place, Error> {
    overload.enter(plan(upstream, class), class, soon()).await
}

#[tokio::test]
async fn lower_classes_leave_room_for_higher_ones() {
    let overload = overload(100);
    let mut places = Vec::new();
    let mut reached = Vec::new();
    for class in Class::ALL {
        for upstream in (0..4).cycle().take(200) {
            match enter(&overload, upstream, class).await {
                Ok(place) => places.push(place),
                Err(refused) => assert_eq!(refused.reason, reason::OVERLOADED),
            }
        }
        reached.push(places.len());
    }
    assert_eq!(reached, [50, 60, 70, 80, 100]);
    places.clear();
    assert_eq!(overload.lock().in_work, 0);
    assert!(overload.lock().by_upstream.iter().all(|busy| *busy == 0));
}

#[tokio::test]
async fn one_service_that_hangs_leaves_half_of_the_room() {
    let overload = overload(100);
    let hung = join_all((0..300).map(|_| enter(&overload, 0, Class::Field))).await;
    let held = hung.iter().filter(|place| place.is_ok()).count();
    assert_eq!(held, 50);
    enter(&overload, 1, Class::Read).await.unwrap();
}

#[tokio::test]
async fn who_waits_gets_the_place_that_becomes_free_highest_class_first() {
    let overload = overload(1);
    let place = enter(&overload, 0, Class::Field).await.unwrap();
    let waiting = |class| {
        let overload = overload.clone();
        tokio::spawn(async move {
            let place = enter(&overload, 0, class).await;
            let got = place.is_ok();
            tokio::time::sleep(Duration::from_millis(50)).await;
            got
        })
    };
    let low = waiting(Class::Intake);
    tokio::task::yield_now().await;
    let high = waiting(Class::Field);
    tokio::time::sleep(Duration::from_millis(2)).await;
    drop(place);
    assert_eq!((low.await.unwrap(), high.await.unwrap()), (false, true));
    assert_eq!(overload.lock().in_work, 0);
}

#[tokio::test]
async fn a_call_without_time_left_is_not_begun_and_a_lost_waiter_frees_its_place() {
    let overload = overload(1);
    let place = enter(&overload, 0, Class::Field).await.unwrap();
    let late = tokio::time::Instant::now() + Duration::from_millis(1);
    let refused = overload.enter(plan(0, Class::Field), Class::Field, late).await.unwrap_err();
    assert_eq!(refused.reason, reason::DEADLINE_EXCEEDED);

    // Its client goes while it waits, and the place is given to it at the same moment.
    let mut lost = Box::pin(enter(&overload, 0, Class::Field));
    assert!(futures::poll!(&mut lost).is_pending());
    drop(place);
    drop(lost);
    assert_eq!(overload.lock().in_work, 0);
    enter(&overload, 0, Class::Read).await.unwrap();
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_a_higher_class_displaces_a_lower_one() {
    let overload = overload(1);
    let _place = enter(&overload, 0, Class::Field).await.unwrap();
    let calls = join_all((0..200).map(|_| enter(&overload, 0, Class::List)));
    let displacing = async {
        tokio::task::yield_now().await;
        enter(&overload, 0, Class::Field).await.map(drop)
    };
    let begun = Instant::now();
    let (all, _) = tokio::join!(calls, displacing);
    assert!(all.iter().all(Result::is_err));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(overload.lock().length() <= 17, "the queue is bounded");
}

#[tokio::test]
async fn the_room_shrinks_when_answers_are_slow_and_grows_when_they_are_not() {
    let overload = overload(64);
    let answer = |took: Duration, pressed: bool| {
        let mut state = overload.lock();
        state.pressed |= pressed;
        for _ in 0..CALLS {
            state.looked = Instant::now().checked_sub(SPAN).unwrap();
            state.learn(plan(0, Class::Read), took, &overload.0);
        }
        state.room
    };
    let quick = Duration::from_millis(5);
    assert_eq!(answer(quick, false), 64.0, "nobody waited");
    let grown = answer(quick, true);
    assert!(grown > 64.0);
    let mut room = grown;
    for _ in 0..50 {
        let shrunk = answer(Duration::from_millis(100), true);
        assert!(shrunk <= room);
        room = shrunk;
    }
    assert_eq!(room, 4.0, "never below the least");
    for _ in 0..200 {
        room = answer(quick, true);
    }
    assert_eq!(room, 512.0, "never above the most");
}

/// Requests that are sent away by the hundred must not make emergencies, for which there is room soon, go with them.
#[tokio::test]
async fn only_a_class_that_is_itself_refused_loses_its_patience() {
    let overload = overload(1);
    let poor = |class| overload.lock().prospects[class as usize].poor;
    let place = enter(&overload, 0, Class::Field).await.unwrap();
    for _ in 0..2 {
        let begun = Instant::now();
        while begun.elapsed() <= WINDOW {
            enter(&overload, 0, Class::Intake).await.unwrap_err();
        }
    }
    assert!(poor(Class::Intake) && !poor(Class::Field));
    let mut emergency = Box::pin(enter(&overload, 0, Class::Field));
    assert!(futures::poll!(&mut emergency).is_pending());
    // Of those that are poor a few wait for the next place; the others are told at once.
    let mut waiting: Vec<_> = (0..ENOUGH).map(|_| Box::pin(enter(&overload, 0, Class::Intake))).collect();
    for one in &mut waiting {
        assert!(futures::poll!(one).is_pending());
    }
    assert!(futures::poll!(Box::pin(enter(&overload, 0, Class::Intake))).is_ready());
    drop(waiting);
    drop(place);
    drop(emergency.await.unwrap());

    // There is room again: after a window they have their patience again.
    for _ in 0..2 {
        let begun = Instant::now();
        while begun.elapsed() <= WINDOW {
            enter(&overload, 0, Class::Intake).await.unwrap();
        }
    }
    assert!(!poor(Class::Intake));
}
