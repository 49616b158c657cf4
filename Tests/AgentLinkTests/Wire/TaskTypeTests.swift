import Testing

@testable import AgentLink

@Suite("Task numbers (agent-link.md 2)")
struct TaskTypeTests {
    @Test("Task type confusion: of all numbers from 0 to 2^16 only the closed list can be sent")
    func closedList() {
        let contract: Set<UInt64> = [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 10_001]
        let known = Set((0...65_536).compactMap { AgentTaskType(rawValue: $0)?.rawValue })
        #expect(known == contract)
        #expect(Set(AgentTaskType.allCases.map(\.rawValue)) == contract)
    }

    @Test("a task keeps its number on the wire", arguments: AgentTaskType.allCases)
    func wire(type: AgentTaskType) {
        #expect(AgentTask(id: 1, type: type, data: "").type == type.rawValue)
    }
}
