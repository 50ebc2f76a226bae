// The Python module iph_rt._native: bindings only, the work lies in the folders beside this one.
#include "bindings/register.h"

PYBIND11_MODULE(_native, m) {
  m.doc() = "Native kernels of iph_rt: polynomial colour, fused compositing, matte refinement.";
  iph::register_polynomial(m);
  iph::register_matte(m);
}
