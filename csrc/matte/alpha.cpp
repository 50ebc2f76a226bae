// The full-resolution half of the guided filter: one pass that upsamples the coefficients and evaluates them. See guided.h.
#include <algorithm>
#include <cstring>
#include <vector>

#include "common/parallel.h"
#include "matte/dispatch.h"
#include "matte/guided.h"

namespace iph {
namespace {

constexpr int kLanes = 16;  // coefficients are spread in blocks of this many pixels; the last block may run over, so rows are longer

enum Cell : uint8_t { kEmpty = 0, kFull = 1, kMixed = 2 };

struct Run {  // pixels between cells first and last (exclusive) of one row of cells and the row below
  int first, last;
  uint8_t kind;  // what all those cells agree on, else kMixed
};

struct Grid {
  std::vector<uint8_t> cells;    // h x w: Cell
  std::vector<Run> runs;         // row by row
  std::vector<size_t> row_runs;  // h + 1: first run of each row
  std::vector<float> fraction;   // W + kLanes: position of a pixel between its two cells
  std::vector<int> start;        // w + 1: first pixel at or after each cell
};

struct Scratch {
  std::vector<float> low;   // w + 1: one coefficient between two rows of cells
  std::vector<float> full;  // 4 x (W + kLanes): coefficients at every pixel of a run
};

void prepare(const AlphaJob& job, Grid& grid) {
  const size_t plane = static_cast<size_t>(job.h) * job.w;
  const float *a0 = job.coefficients, *a1 = a0 + plane, *a2 = a1 + plane, *b = a2 + plane;
  grid.cells.resize(plane);
  for (size_t i = 0; i < plane; ++i) {
    const bool flat = a0[i] == 0.0f && a1[i] == 0.0f && a2[i] == 0.0f;
    grid.cells[i] = flat && b[i] <= job.low ? kEmpty : flat && b[i] >= job.high ? kFull : kMixed;
  }
  grid.runs.clear();
  grid.row_runs.clear();
  for (int y = 0; y < job.h; ++y) {
    const uint8_t* upper = grid.cells.data() + static_cast<size_t>(y) * job.w;
    const uint8_t* lower = y + 1 < job.h ? upper + job.w : upper;
    grid.row_runs.push_back(grid.runs.size());
    for (int x = 0; x < job.w; ++x) {
      const int next = std::min(x + 1, job.w - 1);
      const bool agreed = upper[next] == upper[x] && lower[x] == upper[x] && lower[next] == upper[x];
      const uint8_t kind = agreed ? upper[x] : static_cast<uint8_t>(kMixed);
      if (x > 0 && grid.runs.back().kind == kind) {
        grid.runs.back().last = x + 1;
      } else {
        grid.runs.push_back({x, x + 1, kind});
      }
    }
  }
  grid.row_runs.push_back(grid.runs.size());
  grid.fraction.assign(job.width + kLanes, 0.0f);
  for (int x = 0; x < job.width; ++x) {
    grid.fraction[x] = static_cast<float>((static_cast<int64_t>(x) * job.w) % job.width) / static_cast<float>(job.width);
  }
  grid.start.resize(job.w + 1);
  for (int i = 0; i <= job.w; ++i) {
    grid.start[i] = static_cast<int>((static_cast<int64_t>(i) * job.width + job.w - 1) / job.w);
  }
}

// out = gain * (upper + (lower - upper) * f) + offset
IPH_INLINE void between_rows_body(const float* IPH_RESTRICT upper, const float* IPH_RESTRICT lower, float f, float gain, float offset,
                                  Index n, float* IPH_RESTRICT out) {
  for (Index i = 0; i < n; ++i) out[i] = gain * (upper[i] + (lower[i] - upper[i]) * f) + offset;
}
IPH_DISPATCH(between_rows, between_rows_body,
             (const float* upper, const float* lower, float f, float gain, float offset, Index n, float* out),
             (upper, lower, f, gain, offset, n, out))

// Coefficients of pixels [start[first], start[last]), from cells first..last.
IPH_INLINE void spread_body(const float* IPH_RESTRICT low, const int* IPH_RESTRICT start, const float* IPH_RESTRICT fraction, Index first,
                            Index last, float* IPH_RESTRICT full) {
  for (Index i = first; i < last; ++i) {
    const float value = low[i], step = low[i + 1] - low[i];
    for (Index x = start[i]; x < start[i + 1]; x += kLanes) {
      for (Index k = 0; k < kLanes; ++k) full[x + k] = value + step * fraction[x + k];
    }
  }
}
IPH_DISPATCH(spread, spread_body,
             (const float* low, const int* start, const float* fraction, Index first, Index last, float* full),
             (low, start, fraction, first, last, full))

IPH_INLINE void evaluate_body(const uint8_t* IPH_RESTRICT pixels, const float* IPH_RESTRICT a0, const float* IPH_RESTRICT a1,
                              const float* IPH_RESTRICT a2, const float* IPH_RESTRICT b, Index n, uint8_t* IPH_RESTRICT alpha) {
  for (Index x = 0; x < n; ++x) {
    const float value = a0[x] * pixels[3 * x] + a1[x] * pixels[3 * x + 1] + a2[x] * pixels[3 * x + 2] + b[x];
    alpha[x] = static_cast<uint8_t>(static_cast<int>(std::min(std::max(value, 0.0f), 255.0f) + 0.5f));
  }
}
IPH_DISPATCH(evaluate, evaluate_body,
             (const uint8_t* pixels, const float* a0, const float* a1, const float* a2, const float* b, Index n, uint8_t* alpha),
             (pixels, a0, a1, a2, b, n, alpha))

class Row {
 public:
  Row(const AlphaJob& job, const Grid& grid, int y, Scratch& scratch) : job_(job), grid_(grid), scratch_(scratch), y_(y) {
    const int64_t position = static_cast<int64_t>(y) * job.h;
    upper_ = static_cast<int>(position / job.height);
    lower_ = std::min(upper_ + 1, job.h - 1);
    fraction_ = static_cast<float>(position % job.height) / static_cast<float>(job.height);
  }

  void run() {
    uint8_t* alpha = job_.alpha + y_ * job_.alpha_stride;
    for (size_t i = grid_.row_runs[upper_]; i < grid_.row_runs[upper_ + 1]; ++i) {
      const Run& run = grid_.runs[i];
      const int begin = grid_.start[run.first], count = grid_.start[run.last] - begin;
      if (count == 0) continue;
      if (run.kind == kMixed) {
        mixed(run, begin, count, alpha + begin);
      } else {
        std::memset(alpha + begin, run.kind == kFull ? 255 : 0, static_cast<size_t>(count));
      }
    }
  }

 private:
  void mixed(const Run& run, int begin, int count, uint8_t* alpha) {
    const size_t plane = static_cast<size_t>(job_.h) * job_.w, stride = static_cast<size_t>(job_.width) + kLanes;
    const size_t upper = static_cast<size_t>(upper_) * job_.w + run.first, lower = static_cast<size_t>(lower_) * job_.w + run.first;
    const float gain = 255.0f / (job_.high - job_.low);
    const int cells = std::min(run.last + 1, job_.w) - run.first;
    float* low = scratch_.low.data();
    float* full = scratch_.full.data();
    for (int k = 0; k < 4; ++k) {
      const float* c = job_.coefficients + k * plane;
      between_rows(c + upper, c + lower, fraction_, k < 3 ? gain / 255.0f : gain, k < 3 ? 0.0f : -gain * job_.low, cells,
                   low + run.first);
      if (run.last == job_.w) low[job_.w] = low[job_.w - 1];
      spread(low, grid_.start.data(), grid_.fraction.data(), run.first, run.last, full + k * stride);
    }
    evaluate(job_.frame + y_ * job_.frame_stride + 3 * static_cast<ptrdiff_t>(begin), full + begin, full + stride + begin,
             full + 2 * stride + begin, full + 3 * stride + begin, count, alpha);
  }

  const AlphaJob& job_;
  const Grid& grid_;
  Scratch& scratch_;
  int y_, upper_, lower_;
  float fraction_;
};

}  // namespace

void guided_alpha(const AlphaJob& job, int threads) {
  static thread_local Grid grid_of_caller;  // kept between frames
  Grid& grid = grid_of_caller;              // by reference: a worker would otherwise see its own thread's grid
  prepare(job, grid);
  parallel_rows(job.height, threads, [&job, &grid](int64_t begin, int64_t end) {
    static thread_local Scratch scratch;
    scratch.low.resize(static_cast<size_t>(job.w) + 1);
    scratch.full.resize(4 * (static_cast<size_t>(job.width) + kLanes));
    for (int64_t y = begin; y < end; ++y) Row(job, grid, static_cast<int>(y), scratch).run();
  });
}

}  // namespace iph
