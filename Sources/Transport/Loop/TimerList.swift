/// Actions and their deadlines: a heap, so that deadlines of every length may be mixed. A new one with the longest
/// deadline, which is the common case, costs one comparison.
package struct TimerList<Action> {
    package struct Token: Hashable, Comparable, Sendable {
        package let deadline: UInt64
        fileprivate let number: UInt64

        package static func < (a: Token, b: Token) -> Bool { (a.deadline, a.number) < (b.deadline, b.number) }
    }

    /// Those of cancelled actions stay until their deadline, or until they are most of them.
    private var heap: [Token] = []
    private var actions: [Token: Action] = [:]
    private var count: UInt64 = 0

    package init() {}

    /// The deadline of the next action, or of one that was cancelled.
    package var nextDeadline: UInt64? { heap.first?.deadline }

    package mutating func add(at deadline: UInt64, _ action: Action) -> Token {
        count += 1
        let token = Token(deadline: deadline, number: count)
        heap.append(token)
        rise(from: heap.count - 1)
        actions[token] = action
        return token
    }

    package mutating func cancel(_ token: Token) {
        actions[token] = nil
        guard heap.count > 64, heap.count > 2 * actions.count else { return }
        // A sorted array is a heap, too.
        heap = actions.keys.sorted()
    }

    /// One at a time: an action may cancel the next.
    package mutating func removeExpired(at now: UInt64) -> Action? {
        while let token = heap.first, token.deadline <= now {
            removeFirst()
            if let action = actions.removeValue(forKey: token) { return action }
        }
        return nil
    }

    package mutating func removeAll() { (heap, actions) = ([], [:]) }

    /// How many are kept, cancelled ones included.
    var pending: Int { heap.count }

    private mutating func rise(from start: Int) {
        var index = start
        while index > 0, case let parent = (index - 1) / 2, heap[index] < heap[parent] {
            heap.swapAt(index, parent)
            index = parent
        }
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var index = 0
        while case var child = 2 * index + 1, child < heap.count {
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < heap[index] else { return }
            heap.swapAt(index, child)
            index = child
        }
    }
}
