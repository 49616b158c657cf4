/// Bytes that wait to be sent, in the arrays that they came in; short ones are put together.
struct SendQueue {
    private static let short = 4 << 10
    private static let longestJoined = 64 << 10

    private var pieces: ArraySlice<ArraySlice<UInt8>> = []
    private(set) var count = 0

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        count += bytes.count
        if bytes.count <= Self.short, let last = pieces.last, last.count <= Self.longestJoined {
            pieces[pieces.endIndex - 1] += bytes
        } else {
            pieces.append(bytes)
        }
    }

    /// The first pieces, as many as there are of them.
    func first(_ number: Int) -> ArraySlice<ArraySlice<UInt8>> { pieces.prefix(number) }

    mutating func removeFirst(_ number: Int) {
        var left = min(number, count)
        count -= left
        while left > 0 {
            let step = min(left, pieces[pieces.startIndex].count)
            pieces[pieces.startIndex].removeFirst(step)
            left -= step
            if pieces[pieces.startIndex].isEmpty { pieces.removeFirst() }
        }
        if pieces.isEmpty { pieces = [] }
    }
}
