//! Which threads the engine computes on.
//!
//! The engine hands every run to a rayon pool, by default one global pool with a thread per
//! core. That would put a second pool behind the server's own, so a run gets a pool of one thread
//! instead, which belongs to the calling thread. [`host`] makes the calling thread itself that
//! one thread: runs inside it are plain calls, without a hand-over.
//!
//! The engine still creates its global pool once per process; its threads stay asleep.

use std::cell::RefCell;
use std::sync::Arc;

use rten::ThreadPool;

thread_local! {
    static OWN: RefCell<Option<Arc<ThreadPool>>> = const { RefCell::new(None) };
}

/// Runs `main` on a thread that the engine computes on directly. The calling thread waits.
///
/// Give the main loop of a long-lived worker to it, so that [`crate::OnnxModel`] computes on that
/// worker: `PoolOptions { host: Some(Arc::new(|main| hari_onnx::host(main))), .. }` in the words
/// of `hari-batch`. Without it every run is handed to another thread and back.
pub fn host(main: impl FnOnce() + Send) {
    let pool = Arc::new(ThreadPool::with_num_threads(1));
    let own = Arc::clone(&pool);
    pool.run(move || {
        OWN.set(Some(own));
        main();
        OWN.take();
    });
}

/// The calling thread's pool of one thread, made on first use.
pub(crate) fn own() -> Arc<ThreadPool> {
    OWN.with_borrow_mut(|own| {
        Arc::clone(own.get_or_insert_with(|| Arc::new(ThreadPool::with_num_threads(1))))
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_hosted_thread_computes_on_itself() {
        let mut ids = None;
        host(|| {
            let here = thread::current().id();
            let there = own().run(|| thread::current().id());
            ids = Some((here, there));
        });
        let (here, there) = ids.unwrap();
        assert_eq!(here, there);
        assert_ne!(here, thread::current().id());
    }

    #[test]
    fn any_other_thread_gets_one_pool_of_its_own() {
        assert!(Arc::ptr_eq(&own(), &own()));
        let mine = own().run(|| thread::current().id());
        let others = thread::spawn(|| own().run(|| thread::current().id()))
            .join()
            .unwrap();
        assert_ne!(mine, others);
    }
}
