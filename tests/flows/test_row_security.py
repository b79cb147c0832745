import pytest
from tests import factories as make

@pytest.mark.both_databases
def test_x(parts):
    import time
    t=time.time(); case=make.make_case(parts); print("case",time.time()-t)
    t=time.time(); case=make.make_case(parts,"yz2",pictures=3); print("pics",time.time()-t)
    make.announce(parts, case)
    tok=make.make_link(parts, case); make.open_link(parts,tok)
