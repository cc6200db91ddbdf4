package recovery

// Stopping says whether the job ends, or has ended, because it was asked to.
func (s *Supervisor) Stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// Runs says whether an attempt runs: not between two of them, and not while the job stands by.
func (s *Supervisor) Runs() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempt != nil
}
