from gw.access.throttle import ADDRESSES, LoginThrottle


def test_waits_after_too_many_failures_until_the_oldest_is_a_minute_old():
    throttle = LoginThrottle(most=3)
    for at in (0.0, 10.0, 20.0):
        assert throttle.wait_ms("a", at) == 0
        throttle.failed("a", at)
    assert throttle.wait_ms("a", 20.0) == 40_000
    assert throttle.wait_ms("a", 59.9995) >= 1
    assert throttle.wait_ms("a", 60.0) == 0
    assert throttle.wait_ms("b", 20.0) == 0


def test_a_success_clears_the_address():
    throttle = LoginThrottle(most=1)
    throttle.failed("a", 0.0)
    assert throttle.wait_ms("a", 1.0) > 0
    throttle.succeeded("a")
    assert throttle.wait_ms("a", 1.0) == 0


def test_memory_is_bounded_and_the_oldest_address_goes_first():
    throttle = LoginThrottle(most=1)
    for i in range(ADDRESSES + 1):
        throttle.failed(str(i), 0.0)
    assert throttle.wait_ms("0", 0.0) == 0
    assert throttle.wait_ms(str(ADDRESSES), 0.0) > 0
