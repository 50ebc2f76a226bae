// Runs work on rows of an image with a pool of threads that lives as long as the process.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>

namespace iph {

// How many threads a call with threads = 0 uses: the CPUs that this process may run on.
int default_threads();

namespace detail {
using RowsFunction = void (*)(void* context, int64_t begin, int64_t end);
void run_rows(int64_t rows, int threads, int64_t grain, RowsFunction function, void* context);
}  // namespace detail

// Calls f(begin, end) for disjoint ranges that cover [0, rows), on at most `threads` threads including the caller (0: one for
// each CPU), and returns when all are done. `grain` is the least number of rows worth a hand-over. Which thread takes which
// range is not fixed, so f must give the same result for a row whatever range it comes in; sums belong into a slot for each
// row or fixed chunk, never for each thread. f must not throw. Safe to call from several threads at once and from f itself:
// while the pool is busy, a call runs on the caller alone. Safe after fork().
template <class F>
void parallel_rows(int64_t rows, int threads, F&& f, int64_t grain = 1) {
  using Plain = std::remove_reference_t<F>;
  auto call = [](void* context, int64_t begin, int64_t end) { (*static_cast<Plain*>(context))(begin, end); };
  detail::run_rows(rows, threads, grain, call, const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

}  // namespace iph
