#include "common/cpu.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "common/targets.h"

namespace iph {
namespace {

bool supports(CpuPath path) {
#if IPH_HAS_X86_TARGETS
  __builtin_cpu_init();
  switch (path) {
    case CpuPath::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
    case CpuPath::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CpuPath::plain:
      return true;
  }
  return false;
#else
  return path == CpuPath::plain;
#endif
}

CpuPath choose() {
  if (const char* wish = std::getenv("IPH_RT_CPU")) {
    for (CpuPath path : supported_cpu_paths()) {
      if (cpu_path_name(path) == wish) return path;
    }
  }
  return supported_cpu_paths().back();
}

std::atomic<int>& current() {
  static std::atomic<int> path{static_cast<int>(choose())};
  return path;
}

}  // namespace

CpuPath cpu_path() { return static_cast<CpuPath>(current().load(std::memory_order_relaxed)); }

std::vector<CpuPath> supported_cpu_paths() {
  std::vector<CpuPath> paths;
  for (CpuPath path : {CpuPath::plain, CpuPath::avx2, CpuPath::avx512}) {
    if (supports(path)) paths.push_back(path);
  }
  return paths;
}

void set_cpu_path(CpuPath path) {
  if (!supports(path)) throw std::invalid_argument("this machine does not support the CPU path " + cpu_path_name(path));
  current().store(static_cast<int>(path));
}

std::string cpu_path_name(CpuPath path) {
  switch (path) {
    case CpuPath::avx512: return "avx512";
    case CpuPath::avx2: return "avx2";
    case CpuPath::plain: break;
  }
#if defined(__aarch64__)
  return "neon";
#else
  return "plain";
#endif
}

CpuPath cpu_path_from_name(const std::string& name) {
  for (CpuPath path : {CpuPath::plain, CpuPath::avx2, CpuPath::avx512}) {
    if (cpu_path_name(path) == name) return path;
  }
  throw std::invalid_argument("got CPU path '" + name + "', expected one of plain, avx2, avx512 (neon on aarch64)");
}

}  // namespace iph
