#include "common/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace iph {
namespace {

constexpr int kMostThreads = 64;
constexpr int kRangesPerThread = 4;  // a few ranges each even out rows of unequal cost (all copy, all blend)

struct Job {
  detail::RowsFunction function;
  void* context;
  int64_t rows;
  int64_t step;
  std::atomic<int64_t> next{0};

  void work() {
    for (;;) {
      const int64_t begin = next.fetch_add(step, std::memory_order_relaxed);
      if (begin >= rows) return;
      function(context, begin, std::min(rows, begin + step));
    }
  }
};

class Pool {
 public:
  // False if another call holds the pool.
  bool try_run(Job& job, int helpers) {
    if (busy_.exchange(true, std::memory_order_acquire)) return false;
    grow(helpers);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      wanted_ = std::min<int>(helpers, static_cast<int>(threads_.size()));
    }
    wake_.notify_all();
    job.work();
    std::unique_lock<std::mutex> lock(mutex_);
    wanted_ = 0;  // whoever has not started by now is not needed
    done_.wait(lock, [this] { return running_ == 0; });
    job_ = nullptr;
    busy_.store(false, std::memory_order_release);
    return true;
  }

 private:
  void grow(int helpers) {
    while (static_cast<int>(threads_.size()) < helpers) {
      try {
        threads_.emplace_back([this] { loop(); });
      } catch (const std::system_error&) {
        return;  // the system gives no more threads: fewer do the same work
      }
      threads_.back().detach();
    }
  }

  void loop() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return wanted_ > 0; });
      --wanted_;
      ++running_;
      Job* job = job_;
      lock.unlock();
      job->work();
      lock.lock();
      if (--running_ == 0) done_.notify_one();
    }
  }

  std::atomic<bool> busy_{false};  // not a mutex: f may call parallel_rows itself, on the same thread
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::vector<std::thread> threads_;
  Job* job_ = nullptr;
  int wanted_ = 0;
  int running_ = 0;
};

std::atomic<Pool*> g_pool{nullptr};

// The pool is never destroyed: its threads may still wait in it while the process exits.
Pool& pool() {
  static std::once_flag once;
  std::call_once(once, [] {
    g_pool.store(new Pool);
#if defined(__unix__) || defined(__APPLE__)
    // A child of fork() has none of the threads: it starts over with an empty pool.
    pthread_atfork(nullptr, nullptr, [] { g_pool.store(new Pool); });
#endif
  });
  return *g_pool.load();
}

}  // namespace

int default_threads() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::clamp(CPU_COUNT(&set), 1, kMostThreads);
#endif
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreads);
}

namespace detail {

void run_rows(int64_t rows, int threads, int64_t grain, RowsFunction function, void* context) {
  if (rows <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const int64_t most = std::max<int64_t>(1, rows / grain);
  const int64_t wish = threads > 0 ? std::min(threads, kMostThreads) : default_threads();
  const int count = static_cast<int>(std::min(wish, most));
  if (count > 1) {
    Job job{function, context, rows, std::max(grain, (rows + count * kRangesPerThread - 1) / (count * kRangesPerThread))};
    if (pool().try_run(job, count - 1)) return;
  }
  function(context, 0, rows);
}

}  // namespace detail
}  // namespace iph
