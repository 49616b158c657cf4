/// When an agent gets its keep-alive tasks. Agents that come back together, as they do after a restart of the gateway,
/// would otherwise all be told in the same moment, for as long as they stay.
enum KeepaliveRhythm {
    /// How long after its task stream opened server `id` gets the first one: a share of the interval that its id
    /// decides, so that any run of ids is spread evenly (multiples of the golden ratio).
    static func first(server id: Int64, every interval: Duration) -> Duration {
        let share = (UInt64(bitPattern: id) &* 0x9e37_79b9_7f4a_7c15) >> 32
        return interval * (Double(share) / 4_294_967_296)
    }
}
