package recovery

// Stopping says whether the job ends, or has ended, because it was asked to.
func (s *Supervisor) Stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}
