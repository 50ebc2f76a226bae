#include "bindings/register.h"

namespace iph {
void register_matte(pybind11::module_& m) { (void)m; }
}  // namespace iph
