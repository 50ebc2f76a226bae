#include <algorithm>

#include "common/cpu.h"
#include "common/parallel.h"
#include "polynomial/kernels.h"

namespace iph {

const Kernels& kernels() {
#if IPH_HAS_X86_TARGETS
  switch (cpu_path()) {
    case CpuPath::avx512: return avx512::kernels;
    case CpuPath::avx2: return avx2::kernels;
    case CpuPath::plain: break;
  }
#endif
  return plain::kernels;
}

void apply_composite(const Composite& job, int threads) {
  const Kernels& k = kernels();
  // Below some 32 k pixels (20 microseconds of work) waking a thread costs more than it brings.
  const int64_t grain = std::max<int64_t>(1, 32768 / std::max<int64_t>(1, job.width));
  parallel_rows(job.height, threads, [&](int64_t begin, int64_t end) { k.composite_rows(job, begin, end); }, grain);
}

}  // namespace iph
